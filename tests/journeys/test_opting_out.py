"""Who opts out is nobody from now on: one message is counted, and nothing of it or of them is kept."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert
from typer.testing import CliRunner

from bot import cli, database, receiving, unnamed
from bot.errors import InvalidInput
from bot.gateway import Joined, Person, RoomListing, Said
from bot.insights import segments
from bot.models import (
    Account,
    Audit,
    Contact,
    DailyCount,
    Delivery,
    Membership,
    Message,
    MessageVersion,
    OpenQuestion,
    OptOut,
    Profile,
    Signal,
    SignalKind,
)
from bot.privacy import opting
from tests.journeys.test_privacy import NAME, NOW, SECRET, WHO, forget, whole
from tests.journeys.test_reacting import at, hears, running_app
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows

ASKED = f"contact:{WHO}"


def opt_out(engine: Engine, asked: str = ASKED) -> int:
    with database.transaction(engine) as session:
        return opting.opt_out(session, asked, SECRET, "小李", NOW)


def opt_in(engine: Engine, asked: str = ASKED) -> int:
    with database.transaction(engine) as session:
        return opting.opt_in(session, asked, SECRET, "小李", NOW)


def secret_words(id: str = "new", text: str = "我家地址是梧桐路5号怎么退货?") -> Said:
    return member_says(
        text, "2026-11-19 10:00", id=id, sender=WHO, name=NAME, mentions=("wxid_b",), quote="old"
    )


def test_a_message_of_theirs_counts_and_holds_nothing(engine: Engine) -> None:
    old = member_says("宝宝几个月能吃辅食?", "2026-11-18 10:00", id="old", sender=WHO, name=NAME)
    record(engine, old)
    assert opt_out(engine) == 1
    assert opt_out(engine) == 0
    called = member_says("@晴天 好的", "2026-11-19 10:05", id="c", mentions=(WHO, "wxid_b"))
    record(engine, secret_words(), called)
    contacts = {row.id: row.platform_id for row in rows(engine, Contact)}
    said = {contacts[row.contact_id]: row for row in rows(engine, Message)}
    hidden = said[unnamed.NOBODY]
    assert (hidden.text, hidden.name, hidden.mentions, hidden.quote) == (None,) * 4
    assert said["wxid_a"].mentions == ["wxid_b"]
    # What they said before stands until it is forgotten.
    assert said[WHO].text == old.text
    counts = {contacts[row.contact_id]: row for row in rows(engine, DailyCount)}
    assert (counts[unnamed.NOBODY].messages, counts[unnamed.NOBODY].questions) == (1, 0)
    assert "梧桐路" not in whole(engine)


def test_two_who_opt_out_first_at_once_are_both_nobody(engine: Engine) -> None:
    with database.transaction(engine) as session:
        unnamed.add(session, {"wxid_one": None}, "小李", NOW)
    (first,) = rows(engine, OptOut)
    with database.transaction(engine) as session:
        # As if it could not be seen yet.
        session.connection().execute(delete(database.table(OptOut)))
        unnamed.add(session, {"wxid_two": None}, "小王", NOW)
        session.connection().execute(insert(database.table(OptOut)).values(first._mapping))
    record(
        engine,
        member_says("甲", "2026-11-19 10:00", id="one", sender="wxid_one"),
        member_says("乙", "2026-11-19 10:01", id="two", sender="wxid_two"),
    )
    assert {row.platform_id for row in rows(engine, Contact)} == {unnamed.NOBODY}
    with database.transaction(engine) as session:
        assert unnamed.remove(session, ["wxid_one", "wxid_two"]) == 2


def test_a_replay_brings_nothing_back_and_changes_nothing(engine: Engine) -> None:
    old = member_says("宝宝几个月能吃辅食?", "2026-11-18 10:00", id="old", sender=WHO, name=NAME)
    record(engine, old)
    opt_out(engine)
    record(engine, secret_words())
    before = [tuple(row) for row in rows(engine, Message)]
    again = record(engine, old, secret_words(), secret_words(text="另一个说法"))
    assert (again.accepted, again.duplicates, again.conflicts) == (0, 3, 0)
    # Not even once they are heard again.
    assert opt_in(engine) == 1
    assert record(engine, old, secret_words()).conflicts == 0
    assert [tuple(row) for row in rows(engine, Message)] == before
    assert rows(engine, MessageVersion) == []
    record(engine, secret_words("later"))
    assert rows(engine, Message)[-1].text == secret_words().text
    actions = [(row.action, row.object, row.after) for row in rows(engine, Audit)]
    assert actions == [
        ("privacy.opt_out", "person", {"contacts": 1}),
        ("privacy.opt_in", "person", {"contacts": 1}),
    ]


@pytest.mark.parametrize("first", ["forget", "opt out"])
def test_the_forgotten_stay_unknown_whatever_they_do(
    engine: Engine, tmp_path: Path, first: str
) -> None:
    record(engine, member_says("大家好", "2026-11-18 10:00", sender=WHO, name=NAME))
    if first == "forget":
        forget(engine, tmp_path)
        assert opt_out(engine) == 1
    else:
        assert opt_out(engine) == 1
        forget(engine, tmp_path)
    assert [row.contact_id for row in rows(engine, OptOut)] == [None]
    record(
        engine,
        secret_words(),
        Joined(ROOM, (Person(WHO, NAME), Person("wxid_c", "新人")), local("2026-11-19 11:00")),
        Joined(ROOM, (Person(WHO, NAME),), local("2026-11-19 12:00")),
    )
    with database.transaction(engine) as session:
        session.add(Account(name="bot", gateway="memory"))
    with database.transaction(engine) as session:
        here = [Person(WHO, NAME), Person("wxid_c", "新人")]
        receiving.list_room(session, 1, RoomListing(ROOM, "一群", None), here, "bot", NOW)
    found = whole(engine)
    assert WHO not in found and NAME not in found and "梧桐路" not in found
    contacts = {row.id: row.platform_id for row in rows(engine, Contact)}
    assert {contacts[row.contact_id] for row in rows(engine, Membership)} == {"wxid_c"}


def test_nothing_reacts_to_them_and_no_copy_is_kept(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path)
    opt_out(engine)
    hears(app, member_says("怎么退货?", at(-1), sender=WHO, name=NAME))
    hears(app, member_says("质量太差了,用两天就坏,要退货!", at(-1), sender=WHO, name=NAME))
    assert rows(engine, Delivery) == rows(engine, OpenQuestion) == []
    assert {row.kind for row in rows(engine, Signal)} <= {SignalKind.NEAR_DUPLICATE}
    opt_in(engine)
    hears(app, member_says("怎么退货?", at(0), sender=WHO, name=NAME))
    assert [row.text for row in rows(engine, Delivery)] == ["在订单里申请"]


def test_no_profile_is_made_of_them_nor_of_nobody(engine: Engine) -> None:
    def talk(day: int, sender: str) -> Said:
        return member_says(f"第{day}天看成分表", f"2026-11-{day} 10:00", sender=sender)

    record(engine, *(talk(day, sender) for day in (12, 14, 16) for sender in (WHO, "wxid_b")))
    profiled(engine)
    contacts = {row.platform_id: row.id for row in rows(engine, Contact)}
    assert {row.contact_id for row in rows(engine, Profile)} == {contacts[WHO], contacts["wxid_b"]}
    opt_out(engine)
    assert {row.contact_id for row in rows(engine, Profile)} == {contacts["wxid_b"]}
    record(engine, talk(18, WHO))
    profiled(engine)
    assert {row.contact_id for row in rows(engine, Profile)} == {contacts["wxid_b"]}


def profiled(engine: Engine) -> None:
    with database.transaction(engine) as session:
        segments.refresh(session, dt.date(2026, 11, 20), SHANGHAI)


def test_the_commands_take_who_is_known_and_who_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path
) -> None:
    (tmp_path / "qunyun.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    runner = CliRunner()
    assert runner.invoke(cli.app, ["privacy", "opt-out", ASKED]).stdout.startswith("1 个账号")
    engine = database.connect(f"sqlite:///{tmp_path / 'qunyun.db'}")
    record(engine, secret_words())
    assert "梧桐路" not in whole(engine)
    assert runner.invoke(cli.app, ["privacy", "opt-in", ASKED]).stdout.startswith("1 个账号")
    unknown = runner.invoke(cli.app, ["privacy", "opt-out", "unionid:nobody"])
    assert isinstance(unknown.exception, InvalidInput)
    engine.dispose()
