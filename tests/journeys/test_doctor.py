"""`qunyun doctor` finds what would keep posts or alerts from going out, and says the remedy."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import cli, database, spool_file
from bot.models import Account, Room
from tests.saying import local

NOW = local("2026-11-11 20:00")


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An installation with one account in this process."""
    for name, value in (("DATABASE_URL", database_url), ("GATEWAYS", "memory://here")):
        monkeypatch.setenv(f"QUNYUN_{name}", value)
    return monkeypatch


def findings() -> dict[str, tuple[bool, str]]:
    """(holds, what it says) by name."""
    told = json.loads(CliRunner().invoke(cli.app, ["doctor", "--json"]).stdout)
    return {one["name"]: (one["holds"], one["detail"] + one["remedy"]) for one in told}


def a_room(engine: Engine, name: str, account: Account | None) -> None:
    """A room, and the account that serves it."""
    with database.transaction(engine) as session:
        if account is not None:
            session.add(account)
            session.flush()
        session.add(Room(platform_id=name, account_id=account.id if account else None))


def an_account(name: str, came: bool = False, posting: str = "direct") -> Account:
    """One that was online once, or never."""
    return Account(name=name, gateway="memory", posting=posting, state_at=NOW if came else None)


@pytest.mark.usefixtures("settings")
def test_what_holds_is_said_and_missing_alerts_are_no_failure(engine: Engine) -> None:
    a_room(engine, "room1@chatroom", an_account("here"))
    found = findings()
    assert all(holds for name, (holds, _) in found.items() if name != "节假日")
    assert "没有配置告警群" in found["告警"][1]


@pytest.mark.usefixtures("settings")
def test_an_account_that_only_the_rooms_file_knows_is_found(engine: Engine) -> None:
    a_room(engine, "room1@chatroom", an_account("hear"))
    a_room(engine, "room2@chatroom", an_account("elsewhere", came=True))
    holds, told = findings()["群与账号"]
    assert not holds
    assert "hear(1 个群)" in told
    assert "elsewhere" not in told


def test_alert_rooms_that_nothing_would_reach_are_found(
    engine: Engine, settings: pytest.MonkeyPatch
) -> None:
    a_room(engine, "known@chatroom", an_account("bot", came=True))
    a_room(engine, "nobody@chatroom", None)
    a_room(engine, "hands@chatroom", an_account("people", posting="confirm"))
    a_room(engine, "never@chatroom", an_account("misspelt"))
    rooms = "known@chatroom nobody@chatroom hands@chatroom never@chatroom unknown@chatroom"
    settings.setenv("QUNYUN_ALERT_ROOMS", rooms)
    holds, told = findings()["告警"]
    assert not holds
    assert "known@chatroom(" not in told.replace("unknown@chatroom(", "")
    assert "nobody@chatroom(没有账号在这个群)" in told
    assert "hands@chatroom(账号 people 要由人来发)" in told
    assert "never@chatroom(账号 misspelt 从来没有连上过)" in told
    assert "unknown@chatroom(没有这个群)" in told
    settings.setenv("QUNYUN_ALERT_ROOMS", "known@chatroom")
    assert findings()["告警"] == (True, "发到 1 个群")


def test_a_home_that_nobody_can_write_to_is_found(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert findings()["目录"][0]
    (tmp_path / "file").touch()
    settings.setenv("QUNYUN_HOME", str(tmp_path / "file"))
    holds, told = findings()["目录"]
    assert not holds
    assert "写不了" in told


def test_a_disk_that_is_nearly_full_hides_nothing_that_waits(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.setenv("QUNYUN_HOME", str(tmp_path))
    settings.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    with closing(spool_file.opened(spool_file.path(tmp_path, "here"))) as file:
        spool_file.append(file, [(NOW.isoformat(), "life", b"{}")], limit=10)
    found = findings()
    assert not found["目录"][0]
    holds, told = found["缓冲"]
    assert not holds
    assert told.startswith("1 条消息等着进日志")


def test_a_database_that_does_not_answer_is_said_once(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("QUNYUN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    found = findings()
    assert [name for name, (holds, _) in found.items() if not holds] == ["数据库"]
    assert "时钟" in found and "告警" not in found
