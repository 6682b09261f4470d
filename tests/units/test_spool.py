"""The spool and what it keeps: order, bounds, lives, bytes."""

import asyncio
import datetime as dt
import json
import sqlite3
import zlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors as of_postgresql
from sqlalchemy import exc

from bot import event_codec, process, refusing, spool_file, stream
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Person, Said, TopicChanged
from bot.privacy import files
from bot.privacy.traces import Traces
from bot.spool import Spool

NOW = dt.datetime(2026, 11, 11, 4, 0, tzinfo=dt.UTC)

# Any text at all: lone surrogates and NUL come as well.
TEXTS = st.text(st.characters(), max_size=20)
MAYBE = st.none() | TEXTS
MOMENTS = st.datetimes(timezones=st.just(dt.UTC)).map(lambda at: at.replace(microsecond=0))
PEOPLE = st.builds(Person, TEXTS, TEXTS)
EVENTS = st.one_of(
    st.builds(
        Said, TEXTS, TEXTS, TEXTS, MOMENTS, TEXTS, MAYBE, MAYBE, MAYBE,
        st.lists(TEXTS, max_size=3).map(tuple), MAYBE, MAYBE, st.booleans(), MAYBE,
    ),
    st.builds(Joined, TEXTS, st.lists(PEOPLE, max_size=3).map(tuple), MOMENTS),
    st.builds(Left, TEXTS, st.lists(PEOPLE, max_size=3).map(tuple), MOMENTS),
    st.builds(TopicChanged, TEXTS, TEXTS, MOMENTS),
    st.builds(LoggedIn, PEOPLE, MOMENTS),
    st.builds(LoggedOut, TEXTS, MOMENTS),
)  # fmt: skip


def said(number: int) -> Said:
    return Said(f"m{number}", "r1@chatroom", "wxid_1", NOW, "text", f"第 {number} 句")


@given(event=EVENTS)
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    encoded = event_codec.encode(event)
    assert event_codec.decode(encoded) == event
    assert b"\n" not in encoded


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"kind":"Said"}', b'{"kind":"x","at":1}']
)
def test_what_is_no_event_is_refused_by_one_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # its own words are of no use
        event_codec.decode(content)


def test_what_a_later_version_tells_besides_is_left_out() -> None:
    told = json.loads(event_codec.encode(said(1))) | {"mood": "glad"}
    assert event_codec.decode(json.dumps(told).encode()) == said(1)


def test_one_event_of_a_lot_that_cannot_be_read_takes_no_other_along() -> None:
    good = [event_codec.encode(said(number)) for number in (1, 2)]
    lines = [b'"demo"', good[0], b'{"kind":"Sang"}', good[1]]
    heard: dict[str, list[Event]] = defaultdict(list)
    assert stream._take(heard, zlib.compress(b"\n".join(lines))) == 2
    assert stream._take(heard, b"no lot") == 0
    assert heard == {"demo": [said(1), said(2)]}


async def test_what_was_dropped_can_be_read_nowhere_and_what_waits_by_us_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "spool" / "a.db"
    ours = Spool(path, 100, "one")
    needle = json.dumps("第 1 句")[1:-1].encode()
    await ours.append([said(1)], NOW)
    files = [path, path.with_name("a.db-wal")]
    assert any(needle in each.read_bytes() for each in files)
    assert [each.stat().st_mode & 0o777 for each in (path.parent, *files)] == [0o700, 0o600, 0o600]
    assert (spool_file.holding(path, "第 1 句"), spool_file.holding(path, "第 2 句")) == (1, 0)
    refusing.refuse(path, said(2), "ValueError", NOW, NOW)
    assert spool_file.holding(path, "第 2 句") == 1
    head = await ours.head(10)
    assert head is not None
    await ours.drop(head.last)
    await ours.wipe()
    assert not any(needle in each.read_bytes() for each in files)
    await ours.close()


async def test_whoever_is_forgotten_is_in_nothing_that_waits_or_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "spool" / "a.db"
    ours, gone, other = Spool(path, 100, "one"), "wxid_gone", Person("wxid_2", "乙")
    theirs = replace(said(2), sender=gone, text="我的原话")
    came = Joined("r1@chatroom", (Person(gone, "甲"), other), NOW)
    calls = replace(said(3), mentions=(gone, other.id))
    quotes = replace(said(6), text="「甲：我的原话不止八个字」\n- -\n同问")
    await ours.append(
        [said(1), theirs, came, calls, quotes, Left("r1@chatroom", (came.people[0],), NOW)], NOW
    )
    refusing.refuse(path, replace(said(4), sender=gone), "ValueError", NOW, NOW)
    refusing.refuse(path, said(5), "ValueError", NOW, NOW)
    traces = Traces(
        frozenset({gone}), frozenset({"甲"}), frozenset({"我的原话不止八个字"}), "forgotten:1"
    )
    assert files.clean_spools(tmp_path, {gone}, traces) == 6
    assert files.clean_spools(tmp_path, {gone}, traces) == 0
    head = await ours.head(10)
    assert head is not None
    assert head.events == [
        said(1),
        replace(came, people=(other,)),
        replace(calls, mentions=(other.id,)),
        replace(quotes, text="「已注销：〔已删除〕」\n- -\n同问"),
    ]
    assert refusing.refused(path) == 1
    await ours.close()
    written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert gone.encode() not in written
    assert json.dumps("我的原话")[1:-1].encode() not in written


async def test_what_goes_in_comes_out_in_order_and_stays_until_it_is_dropped(
    tmp_path: Path,
) -> None:
    ours = Spool(tmp_path / "a.db", 100, "one")
    assert await ours.head(10) is None
    await ours.append([said(1), said(2)], NOW)
    await ours.append([said(3)], NOW + dt.timedelta(seconds=1))
    assert await ours.waiting() == (3, NOW)
    head = await ours.head(2)
    assert head is not None
    assert head.events == [said(1), said(2)]
    await ours.drop(head.last)
    await ours.close()
    # Another run of the program finds the rest.
    assert spool_file.look(tmp_path / "a.db") == (1, NOW + dt.timedelta(seconds=1))
    again = Spool(tmp_path / "a.db", 100, "two")
    head = await again.head(10)
    assert head is not None
    assert head.events == [said(3)]
    await again.drop(head.last)
    assert await again.head(10) is None
    await again.close()


async def test_a_full_spool_makes_the_gateway_wait_and_lets_the_last_ones_in_at_the_end(
    tmp_path: Path,
) -> None:
    ours = Spool(tmp_path / "a.db", 2, "one")
    await ours.append([said(1), said(2)], NOW)
    waiting = asyncio.create_task(ours.append([said(3)], NOW))
    head = await ours.head(1)
    assert head is not None
    assert not waiting.done()
    await ours.drop(head.last)
    await waiting
    assert (await ours.waiting()).events == 2
    last = asyncio.create_task(ours.append([said(4)], NOW))
    await ours.waiting()
    ours.make_room()
    await last
    assert (await ours.waiting()).events == 3
    await ours.close()


async def test_who_was_in_or_out_in_an_earlier_life_says_nothing_of_this_one(
    tmp_path: Path,
) -> None:
    me = Person("wxid_bot")
    first = Spool(tmp_path / "a.db", 100, "one")
    await first.append([LoggedIn(me, NOW), said(1), LoggedOut("断了", NOW)], NOW)
    head = await first.head(10)
    assert head is not None
    assert head.events == [LoggedIn(me, NOW), said(1), LoggedOut("断了", NOW)]
    await first.close()
    second = Spool(tmp_path / "a.db", 100, "two")
    await second.append([LoggedIn(me, NOW)], NOW)
    head = await second.head(10)
    assert head is not None
    assert head.events == [said(1), LoggedIn(me, NOW)]
    await second.close()


async def test_another_process_on_the_file_takes_no_log_in_from_this_one(tmp_path: Path) -> None:
    path, me = tmp_path / "a.db", Person("wxid_bot")
    first, second = Spool(path, 100, "one"), Spool(path, 100, "two")
    await first.append([said(1), LoggedIn(me, NOW), said(2)], NOW)
    theirs = await second.head(10)
    assert theirs is not None
    assert theirs.events == [said(1), said(2)]
    await second.drop(theirs.last)
    ours = await first.head(10)
    assert ours is not None
    assert ours.events == [LoggedIn(me, NOW)]
    await first.append([said(3), LoggedOut("换了手机", NOW)], NOW)
    ours = await first.head(10)
    assert ours is not None
    assert ours.events == [LoggedIn(me, NOW), said(3), LoggedOut("换了手机", NOW)]
    await first.drop(ours.last)
    assert await first.head(10) is None
    assert await second.head(10) is None
    await first.close()
    await second.close()


async def test_a_full_spool_that_another_process_empties_takes_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first, second = Spool(path, 2, "one"), Spool(path, 2, "two")
    await first.append([said(1), said(2)], NOW)
    waits = asyncio.create_task(first.append([said(3)], NOW))
    theirs = await second.head(10)
    assert theirs is not None
    await second.drop(theirs.last)
    await asyncio.wait_for(waits, 60)
    head = await first.head(10)
    assert head is not None
    assert head.events == [said(3)]
    await first.close()
    await second.close()


async def test_a_damaged_event_holds_up_nothing(tmp_path: Path) -> None:
    ours = Spool(tmp_path / "a.db", 100, "one")
    await ours.append([said(1), said(2), said(3)], NOW)
    await ours.close()
    with sqlite3.connect(tmp_path / "a.db") as file:
        file.execute("UPDATE event SET content = ? WHERE sequence = 2", (b"{",))
    file.close()
    again = Spool(tmp_path / "a.db", 100, "one")
    head = await again.head(10)
    assert head is not None
    assert (head.events, head.last) == ([said(1), said(3)], 3)
    await again.close()


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (exc.OperationalError("", None, sqlite3.OperationalError("locked")), True),
        (exc.DatabaseError("", None, sqlite3.DatabaseError("malformed")), True),
        (exc.InternalError("", None, of_postgresql.ReadOnlySqlTransaction()), True),
        (exc.ProgrammingError("", None, of_postgresql.UndefinedColumn()), True),
        (exc.TimeoutError("the pool is empty"), True),
        (sqlite3.OperationalError("disk I/O error"), True),
        (exc.OperationalError("", None, of_postgresql.ProgramLimitExceeded()), False),
        (exc.DataError("", None, of_postgresql.NumericValueOutOfRange()), False),
        (exc.IntegrityError("", None, of_postgresql.NotNullViolation()), False),
        (exc.StatementError("a value", "", None, ValueError()), False),
        (KeyError("a bug"), False),
    ],
)
def test_what_says_that_a_database_is_away_and_what_dislikes_the_event(
    error: Exception, away: bool
) -> None:
    assert process.is_away(error) is away
