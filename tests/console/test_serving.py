"""The console as it runs: `qunyun run` serves it, `qunyun operator` says who may use it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot import cli, database
from bot.models import Audit, Operator
from tests.console.conftest import FROM_OUR_PAGE, PASSWORD, Desk, sign_in

ROOT = Path(cli.__file__).parents[1]


@pytest.fixture
def installation(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation on an empty database, which commands read from the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    monkeypatch.setenv("QUNYUN_PARTS", "console")
    monkeypatch.setenv("QUNYUN_CONSOLE_PORT", "0")
    return tmp_path


def say(*words: str) -> str:
    done = CliRunner().invoke(cli.app, ["operator", *words])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.stdout


def test_a_fresh_start_prints_a_link_for_the_first_admin_and_logs_none(installation: Path) -> None:
    words = [sys.executable, "-m", "bot", "run"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        words, cwd=installation, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            logged = _used(running)
        finally:
            running.kill()
    assert running.returncode == 0, logged
    assert "/link/" not in logged


def _used(running: subprocess.Popen[str]) -> str:
    """Open the link, keep a stream open, ask the program to stop; what it logged."""
    assert running.stdout is not None
    printed = running.stdout.readline()
    link = re.search(r"http://127\.0\.0\.1:\d+/link/\S+", printed)
    assert link, printed
    given = {"name": "小林", "password": PASSWORD, "again": PASSWORD}
    with httpx.Client(headers=FROM_OUR_PAGE, follow_redirects=True, timeout=30) as browser:
        assert "首次设置" in browser.post(link[0], data=given).text
        with browser.stream("GET", httpx.URL(link[0]).join("/events")) as stream:
            assert next(stream.iter_lines()).startswith("retry:")
            # An open stream does not keep the program from stopping.
            running.send_signal(signal.SIGTERM)
            return running.communicate(timeout=60)[1]


async def test_an_operator_is_added_changed_and_reset_from_the_command_line(
    installation: Path, desk: Desk
) -> None:
    assert "/link/" in say("add", "小林", "--role", "admin", "--by", "工程师")
    say("add", "阿原")
    say("role", "阿原", "approver", "--vertical", "美妆")
    link = re.search(r"/link/(\S+)", say("reset", "阿原"))
    assert link
    with database.reading(desk.engine) as session:
        rows = session.connection().execute(database.table(Operator).select()).all()
        audited = session.connection().execute(database.table(Audit).select()).all()
    assert [(row.name, row.role.value, row.verticals) for row in rows] == [
        ("小林", "admin", None),
        ("阿原", "approver", ["美妆"]),
    ]
    assert all(row.by.endswith("(命令行)") for row in audited)
    assert link[1] not in str(audited)
    desk.now = max(row.created_at for row in rows)
    async with desk.client() as browser:
        given = {"password": PASSWORD, "again": PASSWORD}
        assert (await browser.post(f"/link/{link[1]}", data=given)).status_code == 303
        assert (await sign_in(browser, "阿原")).status_code == 303


def test_a_second_operator_of_one_name_is_refused_with_the_remedy(installation: Path) -> None:
    say("add", "小林")
    done = CliRunner().invoke(cli.app, ["operator", "add", "小林"])
    assert "已经有操作员" in str(done.exception)
