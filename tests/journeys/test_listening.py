"""Two accounts in one room log each message once, whoever of them is away and when."""

import datetime as dt
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot import database, ingest, leases, listening, outbox, receiving, serving
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Person, Said
from bot.intents import Intent
from bot.memory import Memory
from bot.models import (
    Account,
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Message,
    Overheard,
    Recall,
    Room,
)
from tests.saying import local, names, rows, rules

NOON = local("2026-11-11 12:00")
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
ROOM = "r1@chatroom"
A, B = 1, 2


class Pair:
    """Accounts `a` and `b`, both in one room; each knows every message under an id of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.rules = rules(engine)
        self.now = NOON
        self.ids = count(1)
        self.epochs: dict[int, int] = {}
        with database.transaction(engine) as session:
            for key, name in ((A, "a"), (B, "b")):
                session.add(Account(id=key, name=name, gateway="memory"))
            session.add(Room(id=1, platform_id=ROOM))
            session.flush()
            for key in (A, B):
                serving.present(session, key, 1)
        for key in (A, B):
            self.logs_in(key)

    def logs_in(self, account: int) -> None:
        with database.transaction(self.engine) as session:
            epoch = leases.take(session, account, f"host:{account}", self.now)
            assert epoch is not None
            self.epochs[account] = epoch
        self.takes(account, LoggedIn(Person(f"bot_{account}", ""), self.now))

    def logs_out(self, account: int) -> None:
        self.takes(account, LoggedOut("掉线", self.now))

    def stays(self, account: int) -> None:
        with database.transaction(self.engine) as session:
            assert leases.renew(session, account, self.epochs[account], self.now)

    def takes(self, account: int, *events: Event) -> receiving.Taken:
        epoch = self.epochs.get(account)
        return receiving.take(self.engine, account, events, self.rules, self.now, epoch=epoch)

    def hears(self, account: int, text: str, *, at: dt.datetime | None = None,
              sender: str = "wxid_a", recalls: str | None = None) -> str:  # fmt: skip
        """One account hears one message; returns the id under which it knows it."""
        known_as = f"{account}-{next(self.ids)}"
        type_ = "recall" if recalls else "text"
        self.takes(
            account,
            Said(
                known_as, ROOM, sender, at or self.now, type_, None if recalls else text,
                recalls=recalls, account="ab"[account - 1],
            ),
        )  # fmt: skip
        return known_as

    def ticks(self) -> None:
        with database.transaction(self.engine) as session:
            missing = listening.take_over(session, self.now)
            ingest.record(session, missing, self.rules, Memory())

    def log(self) -> list[str | None]:
        return [row.text for row in sorted(rows(self.engine, Message), key=lambda row: row.id)]


def test_what_two_accounts_hear_is_logged_once_and_answered_once(engine: Engine) -> None:
    pair = Pair(engine)
    for text in ("早", "早", "几点开始"):
        for account in (A, B):
            pair.hears(account, text)
    assert pair.log() == ["早", "早", "几点开始"]
    joined = Joined(ROOM, (Person("wxid_new", "小新"),), pair.now)
    welcomed = pair.takes(A, joined).replies
    assert pair.takes(B, joined).replies == 0
    assert welcomed == len(rows(engine, Delivery))


def test_what_was_kept_aside_is_forgotten_after_ten_minutes(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "早")
    pair.now += 11 * MINUTE
    for account in (A, B):
        pair.stays(account)
        pair.hears(account, "午")
    pair.ticks()
    # Nobody doubts any more who listens: only the other one's hearing is kept aside.
    assert [(row.account_id, row.said["text"]) for row in rows(engine, Overheard)] == [(B, "午")]


def test_the_room_of_the_first_message_is_served_by_whoever_heard_it(engine: Engine) -> None:
    pair = Pair(engine)
    pair.hears(B, "有人吗")
    (room,) = rows(engine, Room)
    assert (room.account_id, room.listener_id) == (B, B)


def test_another_account_steps_in_with_what_it_heard_and_nothing_twice(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "一")
    # Killed: nobody knows yet.
    for text in ("二", "二", "三"):
        pair.now += SECOND
        pair.hears(B, text)
    pair.ticks()
    assert pair.log() == ["一"]
    pair.now += 2 * MINUTE
    pair.stays(B)
    pair.ticks()
    assert pair.log() == ["一", "二", "二", "三"]
    pair.hears(B, "四")
    # What the old one had not handed over yet comes late, under its own ids.
    pair.hears(A, "三", at=NOON + 3 * SECOND)
    assert pair.log() == ["一", "二", "二", "三", "四"]


def test_words_said_twice_in_one_second_are_counted(engine: Engine) -> None:
    pair = Pair(engine)
    pair.hears(A, "+1")
    for _ in range(3):
        pair.hears(B, "+1")
    pair.logs_out(A)
    pair.hears(B, "+1")
    assert pair.log() == ["+1"] * 4
    pair.hears(B, "+1", sender="wxid_b")
    assert pair.log() == ["+1"] * 5


def test_a_short_absence_is_filled_in_by_what_the_other_heard(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "之前")
    pair.now += 5 * SECOND
    pair.hears(B, "其间")
    pair.now += 5 * SECOND
    pair.logs_in(A)
    assert pair.log() == ["之前", "其间"]
    pair.hears(A, "其间", at=pair.now - 5 * SECOND)
    for account in (A, B):
        pair.hears(account, "之后")
    assert pair.log() == ["之前", "其间", "之后"]


def test_old_messages_that_come_after_a_change_are_all_logged(engine: Engine) -> None:
    pair = Pair(engine)
    pair.hears(A, "甲")
    pair.logs_out(A)
    pair.hears(B, "很久以前", at=NOON - dt.timedelta(hours=3))
    pair.hears(B, "乙")
    assert sorted(filter(None, pair.log())) == sorted(["甲", "很久以前", "乙"])


def test_a_recall_under_the_new_listeners_id_takes_back_what_the_old_one_logged(
    engine: Engine,
) -> None:
    pair = Pair(engine)
    logged = pair.hears(A, "说错了")
    known_as = pair.hears(B, "说错了")
    pair.logs_out(A)
    pair.now += SECOND
    pair.hears(B, "", recalls=known_as)
    (recall,) = rows(engine, Recall)
    assert recall.recalled == logged
    assert sorted(names(engine).values()) == sorted([logged, "2-3"])


def test_an_account_that_was_removed_from_the_room_listens_there_no_more(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "一")
    sent = _sends(pair, A, "开始啦")
    with database.transaction(engine) as session:
        outbox.refused(session, sent, pair.epochs[A], "已被移出群", gone=True)
    pair.now += SECOND
    pair.hears(B, "二")
    assert pair.log() == ["一", "二"]
    (room,) = rows(engine, Room)
    assert room.listener_id == B


def test_a_post_that_another_account_hears_is_known_to_have_arrived(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "一")
    _sends(pair, A, "开始啦")
    pair.hears(B, "开始啦", sender="bot_1")
    (delivery,) = rows(engine, Delivery)
    assert (delivery.state, delivery.message_id) == (DeliveryState.SENT, None)
    # Its own echo, should it still come, names the message.
    pair.takes(A, Said("a-echo", ROOM, "bot_1", pair.now, "text", "开始啦", own=True, account="a"))
    (delivery,) = rows(engine, Delivery)
    assert delivery.message_id == "a-echo"
    assert [row.own for row in rows(engine, Message)] == [False, True]


def test_the_same_words_heard_by_another_account_settle_nothing_when_sent_twice(
    engine: Engine,
) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "一")
    first = _sends(pair, A, "开始啦")
    with database.transaction(engine) as session:
        outbox.sent(session, first, "a-1", pair.now)
    pair.now += MINUTE
    _sends(pair, A, "开始啦")
    pair.hears(B, "开始啦", sender="bot_1", at=pair.now - MINUTE)
    pair.hears(B, "开始啦", sender="bot_1")
    assert [row.state for row in rows(engine, Delivery)] == ["sent", "sending"]


def _sends(pair: Pair, account: int, text: str) -> int:
    """A post of this account that is on its way; returns the delivery's id."""
    key = f"post:qa:{next(pair.ids)}"
    with database.transaction(pair.engine) as session:
        intent = Intent(key, DeliveryKind.POST, 1, account, text, pair.now, pair.now + 30 * MINUTE)
        outbox.plan(session, [intent], pair.now)
        leases.renew(session, account, pair.epochs[account], pair.now)
        (claimed,) = outbox.claim(session, account, pair.epochs[account], pair.now)
        assert outbox.begin(session, claimed.id, pair.epochs[account], pair.now) is not None
    return claimed.id


def test_an_account_that_was_seen_leaving_serves_and_hears_there_no_more(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "一")
    pair.now += SECOND
    pair.takes(B, Left(ROOM, (Person("bot_1", ""),), pair.now))
    pair.hears(B, "二")
    assert pair.log() == ["一", "二"]
    (room,) = rows(engine, Room)
    assert (room.account_id, room.listener_id) == (B, B)
    pair.logs_out(B)
    pair.now += 3 * MINUTE
    with database.transaction(engine) as session:
        assert serving.take_over(session, pair.now) == {}, "whoever left takes nothing over"


def test_a_listener_that_has_gone_deaf_is_replaced(engine: Engine) -> None:
    pair = Pair(engine)
    for account in (A, B):
        pair.hears(account, "一")
    said = ["一"]
    for minute in range(30):
        pair.now += MINUTE
        for account in (A, B):
            pair.stays(account)
        said.append(f"第 {minute} 句")
        pair.hears(B, said[-1])
        pair.ticks()
    assert pair.log() == said


# What happens in one second: somebody speaks, or an account goes, comes, or hands over what it
# heard; `None` lets a tick pass.
SPEECH = st.tuples(st.just("says"), st.sampled_from(["早", "+1"]), st.sampled_from(["x", "y"]))
CHANGE = st.tuples(st.sampled_from(["kill", "out", "in", "hand over"]), st.sampled_from([A, B]))
STEPS = st.lists(st.one_of(SPEECH, SPEECH, CHANGE, st.none()), min_size=5, max_size=40)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, seconds=st.lists(st.integers(0, 25), min_size=40, max_size=40))
def test_every_message_that_an_account_hears_is_logged_once(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    steps: list[tuple[Any, ...] | None],
    seconds: list[int],
) -> None:
    path = tmp_path_factory.mktemp("pair") / "qunyun.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = database.connect(f"sqlite:///{path}")
    try:
        _play(Pair(engine), steps, seconds)
    finally:
        engine.dispose()
        path.unlink()


def _play(pair: Pair, steps: list[tuple[Any, ...] | None], seconds: list[int]) -> None:
    play = _Play(pair)
    # Less than ten minutes in all, so that nothing is forgotten before it can be looked for.
    for step, pause in zip(steps, seconds, strict=False):
        pair.now += min(pause, 540 // len(steps)) * SECOND
        for account in play.present:
            pair.stays(account)
        play.does(step)
    for account in (A, B):
        play.hands_over(account)
    for account in sorted({A, B} - play.present):
        pair.logs_in(account)
    pair.ticks()
    message, contact = database.tables(Message, Contact)
    said = message.join(contact, contact.c.id == message.c.contact_id)
    with database.reading(pair.engine) as session:
        found = session.connection().execute(
            said.select().with_only_columns(contact.c.platform_id, message.c.at, message.c.text)
        )
        logged = Counter(tuple(row) for row in found)
    assert logged == play.heard[A] | play.heard[B]


class _Play:
    """Who is there, what each account heard, and what of it has not reached us yet."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.present = {A, B}
        self.heard: dict[int, Counter[tuple[object, ...]]] = {A: Counter(), B: Counter()}
        self.waiting: dict[int, list[Event]] = {A: [], B: []}

    def does(self, step: tuple[Any, ...] | None) -> None:
        match step:
            case ("says", text, sender):
                for account in sorted(self.present):
                    self.hears(account, sender, text)
            case ("in", account) if account not in self.present:
                self.present.add(account)
                self.pair.logs_in(account)
            case ("hand over", account):
                self.hands_over(account)
            case ("kill" | "out" as how, account):
                # What it heard reaches us all the same, sooner or later.
                self.present.discard(account)
                if how == "out":
                    self.pair.logs_out(account)
            case _:
                self.pair.ticks()

    def hears(self, account: int, sender: str, text: str) -> None:
        self.heard[account][sender, self.pair.now, text] += 1
        self.waiting[account].append(
            Said(
                f"{account}-{next(self.pair.ids)}", ROOM, sender, self.pair.now, "text", text,
                account="ab"[account - 1],
            )
        )  # fmt: skip

    def hands_over(self, account: int) -> None:
        self.pair.takes(account, *self.waiting[account])
        self.waiting[account] = []
