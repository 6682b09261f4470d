"""Who serves a room: another account steps in, people post where no bot can, posts come back."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from typer.testing import CliRunner, Result

from bot import cli, database, leases, outbox, owning, recalling, receiving, serving
from bot.commands import deliveries
from bot.errors import InvalidInput
from bot.gateway import LoggedOut
from bot.intents import Intent
from bot.models import Account, Delivery, DeliveryKind, DeliveryState, Room
from tests.saying import local, rules

NOW = local("2026-11-11 20:00")
MINUTE = dt.timedelta(minutes=1)
DELIVERY, ROOM, ACCOUNT = database.tables(Delivery, Room, Account)


def two_accounts(engine: Engine) -> None:
    """`a` serves rooms 1 and 2, `b` is in room 1 as well; `people` post by hand in room 3."""
    with database.transaction(engine) as session:
        for n, name in enumerate(("a", "b", "people"), start=1):
            posting = "confirm" if name == "people" else "direct"
            session.add(
                Account(
                    id=n, name=name, gateway="memory", posting=posting, online=True, state_at=NOW
                )
            )
        session.flush()
        for n, account in ((1, 1), (2, 1), (3, 3)):
            session.add(Room(id=n, platform_id=f"r{n}", topic=f"{n} 群", account_id=account))
        session.flush()
        for account, room in ((1, 1), (1, 2), (2, 1)):
            serving.present(session, account, room)
        for account in (1, 2):
            assert leases.take(session, account, f"host:{account}", NOW) == account


def plan(engine: Engine, *rooms: int, text: str = "开始啦") -> None:
    accounts = {1: 1, 2: 1, 3: 3}
    with database.transaction(engine) as session:
        outbox.plan(
            session,
            [
                Intent(
                    key=f"post:qa:2026-11-11:开场:r{room}",
                    kind=DeliveryKind.POST,
                    room_id=room,
                    account_id=accounts[room],
                    text=text,
                    due_at=NOW,
                    expires_at=NOW + 30 * MINUTE,
                )
                for room in rooms
            ],
            NOW,
        )


def standing(engine: Engine) -> dict[int, tuple[int, str]]:
    """(account, state) of each room's delivery."""
    columns = DELIVERY.c.room_id, DELIVERY.c.account_id, DELIVERY.c.state
    with database.reading(engine) as session:
        rows = session.connection().execute(select(*columns))
        return {row.room_id: (row.account_id, row.state.value) for row in rows}


def goes_away(engine: Engine, account: int, at: dt.datetime) -> None:
    with database.transaction(engine) as session:
        session.connection().execute(
            update(ACCOUNT).where(ACCOUNT.c.id == account).values(online=False, state_at=at)
        )


def take_over(engine: Engine, now: dt.datetime) -> dict[int, int]:
    with database.transaction(engine) as session:
        for account in (1, 2):
            leases.renew(session, account, account, now)
        taken = serving.take_over(session, now)
        outbox.reassign(session, taken)
        return taken


def test_an_account_that_is_away_hands_its_rooms_to_one_that_is_in_them(engine: Engine) -> None:
    two_accounts(engine)
    plan(engine, 1, 2)
    goes_away(engine, 1, NOW)
    assert take_over(engine, NOW + MINUTE) == {}, "a short absence changes nothing"
    assert take_over(engine, NOW + 3 * MINUTE) == {1: 2}
    assert standing(engine) == {1: (2, "pending"), 2: (1, "pending")}
    assert take_over(engine, NOW + 4 * MINUTE) == {}


def test_an_account_stays_online_although_a_program_that_knocks_in_vain_says_it_is_out(
    engine: Engine,
) -> None:
    two_accounts(engine)
    late = NOW + 2 * leases.LASTS
    knocks = LoggedOut("另一个程序占用着这个账号", late)
    receiving.take(engine, 1, [knocks], rules(engine), late)
    assert owning.keep(engine, 1, 1, late)
    with database.reading(engine) as session:
        online = session.connection().scalar(select(ACCOUNT.c.online).where(ACCOUNT.c.id == 1))
    assert online
    # While its lease runs, the one that knocks says nothing at all.
    receiving.take(engine, 1, [knocks], rules(engine), late)
    assert take_over(engine, late + serving.AWAY) == {}


def test_rooms_that_a_list_lacks_are_counted_and_stay_their_accounts(engine: Engine) -> None:
    two_accounts(engine)
    with database.reading(engine) as session:
        found = [
            serving.unlisted(session, 1, names) for names in ({"r1", "r2"}, {"r2"}, set[str]())
        ]
    assert found == [0, 1, 2]


def test_what_the_account_had_claimed_is_sent_by_the_other_and_by_it_no_more(
    engine: Engine,
) -> None:
    two_accounts(engine)
    plan(engine, 1)
    with database.transaction(engine) as session:
        (claimed,) = outbox.claim(session, 1, 1, NOW)
    goes_away(engine, 1, NOW)
    take_over(engine, NOW + 3 * MINUTE)
    later = NOW + 3 * MINUTE
    with database.transaction(engine) as session:
        assert outbox.begin(session, claimed.id, 1, later) is None
        (again,) = outbox.claim(session, 2, 2, later)
        assert again.id == claimed.id
        assert outbox.begin(session, again.id, 2, later) is not None


def test_what_was_being_sent_stays_with_its_account(engine: Engine) -> None:
    two_accounts(engine)
    plan(engine, 1)
    with database.transaction(engine) as session:
        (claimed,) = outbox.claim(session, 1, 1, NOW)
        outbox.begin(session, claimed.id, 1, NOW)
    goes_away(engine, 1, NOW)
    take_over(engine, NOW + 3 * MINUTE)
    assert standing(engine) == {1: (1, "sending")}


@pytest.mark.parametrize(("room", "heir"), [(1, 2), (2, None)])
def test_an_account_that_was_removed_from_a_room_posts_there_no_more(
    engine: Engine, room: int, heir: int | None
) -> None:
    two_accounts(engine)
    plan(engine, room)
    with database.transaction(engine) as session:
        (claimed,) = outbox.claim(session, 1, 1, NOW)
        outbox.begin(session, claimed.id, 1, NOW)
        outbox.refused(session, claimed.id, 1, "已被移出群", gone=True)
    with database.reading(engine) as session:
        row = session.connection().execute(select(ROOM).where(ROOM.c.id == room)).one()
    expected = (1, "已被移出群") if heir is None else (heir, None)
    assert (row.account_id, row.unavailable_reason) == expected
    assert standing(engine)[room][1] == "failed", "that it failed is not hidden"


def test_what_people_post_is_never_claimed_nor_too_late(engine: Engine) -> None:
    two_accounts(engine)
    plan(engine, 3)
    with database.transaction(engine) as session:
        assert leases.take(session, 3, "host:1", NOW) == 3
        assert outbox.claim(session, 3, 3, NOW) == []
        assert outbox.expire(session, NOW + 60 * MINUTE) == 0
    assert standing(engine) == {3: (3, "pending")}


@pytest.fixture
def says(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Says":
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    return Says()


class Says:
    """`qunyun deliveries …` on the database of the test."""

    def __call__(self, *words: object) -> Result:
        return CliRunner().invoke(deliveries.app, [str(word) for word in words])

    def whole(self, *words: str) -> Result:
        """`qunyun …`"""
        return CliRunner().invoke(cli.app, words)


def test_people_see_what_to_post_and_say_what_they_did(engine: Engine, says: Says) -> None:
    two_accounts(engine)
    plan(engine, 3, text="今晚八点\n见")
    shown = says("todo").stdout
    assert "3 群(r3)" in shown
    assert "今晚八点\n见" in shown
    (row,) = (row for row in standing(engine).items())
    assert row == (3, (3, "pending"))
    with database.reading(engine) as session:
        number = session.connection().scalar(select(DELIVERY.c.id))
    assert says("done", number, "--by", "小王").exit_code == 0
    assert isinstance(says("drop", number).exception, InvalidInput), "it is done already"
    assert standing(engine) == {3: (3, "sent")}
    assert says("todo").stdout == ""


def test_a_pause_from_the_command_line_names_one_part_and_holds_it_once(
    engine: Engine, says: Says
) -> None:
    two_accounts(engine)
    for part in ((), ("--account", "a"), ("--room", "r1")):
        told = [
            says.whole(verb, "--reason", "试", *part).stdout.strip()
            for verb in ("pause", "pause", "resume", "resume")
        ]
        assert told == ["已暂停", "本来就是暂停状态", "已恢复", "本来就没有暂停"]
    for option, what in (("--series", "栏目"), ("--account", "账号"), ("--room", "群")):
        refused = says.whole("pause", "--reason", "试", option, "没有").exception
        assert isinstance(refused, InvalidInput)
        assert f"没有这个{what}" in str(refused)
    both = says.whole("pause", "--reason", "试", "--room", "r1", "--account", "a")
    assert isinstance(both.exception, InvalidInput)


def test_what_people_skip_says_why(engine: Engine, says: Says) -> None:
    two_accounts(engine)
    plan(engine, 1, 3)
    with database.reading(engine) as session:
        rows = session.connection().execute(select(DELIVERY.c.room_id, DELIVERY.c.id))
        number = {row.room_id: row.id for row in rows}
    assert says("drop", number[3], "--reason", "群里在吵架", "--by", "小王").exit_code == 0
    assert isinstance(says("done", number[1]).exception, InvalidInput), "a bot posts there"
    with database.reading(engine) as session:
        reason = session.connection().scalar(
            select(DELIVERY.c.reason).where(DELIVERY.c.id == number[3])
        )
    assert "小王" in str(reason)
    assert "群里在吵架" in str(reason)
    assert "共排 2 条,各状态合计 2 条" in says("summary").stdout


def test_what_is_listed_is_shown_as_it_is_called(engine: Engine, says: Says) -> None:
    two_accounts(engine)
    plan(engine, 1)
    with database.transaction(engine) as session:
        session.connection().execute(update(ROOM).values(topic="[/doge]群"))
        session.connection().execute(update(DELIVERY).values(key="post:fire:1"))
    listed = says("list")
    assert listed.exit_code == 0
    assert "[/doge]群" in listed.stdout
    assert "post:fire:1" in listed.stdout


def sent(engine: Engine, message_id: str | None) -> int:
    plan(engine, 1)
    with database.transaction(engine) as session:
        (claimed,) = outbox.claim(session, 1, 1, NOW)
        outbox.begin(session, claimed.id, 1, NOW)
        outbox.sent(session, claimed.id, message_id, NOW)
        return claimed.id


def test_a_sent_post_is_asked_back_and_stays_sent(engine: Engine) -> None:
    two_accounts(engine)
    number = sent(engine, "m1")
    with database.transaction(engine) as session:
        assert recalling.due(session, 1, NOW) == []
        recalling.ask(session, number, "小王", NOW + MINUTE)
        (asked,) = recalling.due(session, 1, NOW + MINUTE)
        assert (asked.room, asked.message_id) == ("r1", "m1")
        recalling.settle(session, asked.delivery_id, True, NOW + MINUTE)
        assert recalling.due(session, 1, NOW + MINUTE) == []
    assert standing(engine) == {1: (1, DeliveryState.SENT)}


@pytest.mark.parametrize(
    ("message_id", "after", "problem"),
    [("m1", 3 * MINUTE, "超过 2 分钟"), (None, MINUTE, "没有给出")],
)
def test_what_cannot_be_taken_back_is_said_at_once(
    engine: Engine, message_id: str | None, after: dt.timedelta, problem: str
) -> None:
    two_accounts(engine)
    number = sent(engine, message_id)
    with database.transaction(engine) as session, pytest.raises(InvalidInput, match=problem):
        recalling.ask(session, number, "小王", NOW + after)
