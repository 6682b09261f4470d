"""Whatever happens between a plan and its end, in whatever order: nothing is posted twice and
nothing is lost silently, counted where posts arrive.

`QUNYUN_LIVES=2000` asks for the long form.
"""

import asyncio
import datetime as dt
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, update
from sqlmodel import Session

from bot import by_hand, claiming, database, echoes, leases, outbox, pauses, sending, serving
from bot.bench import databases
from bot.errors import GatewayUnavailable, SendRefused, SendUncertain
from bot.gateway import Gateway, Post, Said
from bot.intents import Intent
from bot.models import (
    Account,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Pause,
    PauseScope,
    Room,
    Series,
    SeriesKind,
)
from bot.outbox import Decision
from bot.pacing import Pace
from bot.sending import Begun, LeaseLost, Sender
from tests.conftest import TEMPLATE
from tests.journeys.test_planning_properties import emptied
from tests.saying import local, rows

LIVES = int(os.environ.get("QUNYUN_LIVES", "0"))
Thing = TypeVar("Thing")
_NUMBERS = count(1)
START = local("2026-11-11 20:00") + dt.timedelta(milliseconds=300)
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
AT_ONCE = Pace((0, 0), 0, 10_000, 10_000, 10_000, 0, None, ZoneInfo("Asia/Shanghai"))

PENDING, CLAIMED, SENDING, SENT = outbox.PENDING, outbox.CLAIMED, outbox.SENDING, outbox.SENT
FAILED, UNCERTAIN = outbox.FAILED, outbox.UNCERTAIN
EXPIRED, CANCELLED = outbox.EXPIRED, outbox.CANCELLED
# As drawn in `outbox`; who may take which is asked rule by rule. What arrived although somebody said
# that it had not goes to SENT from anywhere.
ARROWS = {
    PENDING: {CLAIMED, EXPIRED, SENT, CANCELLED},
    CLAIMED: {SENDING, PENDING, EXPIRED, CANCELLED},
    SENDING: {SENT, PENDING, FAILED, UNCERTAIN},
    UNCERTAIN: {SENT, PENDING, FAILED},
    FAILED: {PENDING},
    CANCELLED: {PENDING},
    SENT: set(),
    EXPIRED: set(),
}
BY_HAND = 3
SERVED = {1: 1, 2: 1, 3: BY_HAND}
PRESENT = [(1, 1), (1, 2), (2, 1), (2, 2)]
SCOPES = [
    (PauseScope.ALL, None),
    (PauseScope.SERIES, 1),
    (PauseScope.ACCOUNT, 1),
    (PauseScope.ACCOUNT, 2),
    (PauseScope.ROOM, 1),
]
# What a platform can make of a post: the first four are in the room afterwards.
ARRIVES = ("accepted", "accepted without id", "timeout, arrived", "broken, arrived")
OUTCOMES = (*ARRIVES, "timeout, lost", "refused", "gone", "throttled", "unreachable")
PICK = st.integers(0, 11)
# 0 is whichever serves room 1.
ACCOUNTS = st.sampled_from([0, 0, 1, 2])
RARELY = st.sampled_from([False, False, False, True])
# Minutes that our clock is ahead of the platform's.
AHEAD = st.sampled_from([None, None, None, None, None, 0, 0, -20, -60, 60])


def a_community(engine: Engine) -> None:
    """Account 1 serves rooms 1 and 2, account 2 stands by; people post in room 3."""
    day = START.date()
    with database.transaction(engine) as session:
        for n in (1, 2, BY_HAND):
            posting = "confirm" if n == BY_HAND else "direct"
            session.add(
                Account(id=n, name=f"a{n}", gateway="memory", posting=posting, online=True,
                        state_at=START)
            )  # fmt: skip
        session.add(
            Series(id=1, key="qa", name="问答", kind=SeriesKind.QA_DAY, starts=day, ends=day,
                   recurrence={}, at=dt.time(20), audience={})
        )  # fmt: skip
        session.flush()
        for room, account in SERVED.items():
            session.add(Room(id=room, platform_id=f"r{room}", account_id=account))
        session.flush()
        for room, account in PRESENT:
            serving.present(session, account, room)


def comes_or_goes(engine: Engine, account: int, now: dt.datetime, *, online: bool) -> None:
    """An account has been online, or away, for minutes."""
    table = database.table(Account)
    with database.transaction(engine) as session:
        session.connection().execute(
            update(table)
            .where(table.c.id == account)
            .values(online=online, state_at=now - serving.AWAY)
        )
        for room, member in PRESENT:
            if online and member == account:
                serving.present(session, member, room)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A post as its room sees it; `key` is what only the test knows of it."""

    id: str
    key: str
    room: str
    text: str
    at: dt.datetime


@dataclass(slots=True)
class Platform:
    """What is in the rooms. It knows no table of ours, and its clock is always right."""

    time: dt.datetime
    arrived: list[Arrival] = field(default_factory=list)
    throttled: set[int] = field(default_factory=set)

    def post(self, key: str, room: str, text: str) -> Arrival:
        """Put something into a room."""
        arrival = Arrival(f"m{len(self.arrived) + 1}", key, room, text, self.time)
        self.arrived.append(arrival)
        return arrival

    def times(self, key: str) -> int:
        """How often the room of a key saw it."""
        return sum(arrival.key == key for arrival in self.arrived)


@dataclass(frozen=True, slots=True)
class Line:
    """A gateway's `send`, for one post of one account that meets `outcome`."""

    platform: Platform
    account: int
    key: str
    outcome: str

    async def send(self, post: Post) -> str | None:
        """Do to a post what was asked for."""
        if self.outcome in ARRIVES:
            arrival = self.platform.post(self.key, post.room, post.text)
        match self.outcome:
            case "accepted":
                return arrival.id
            case "accepted without id":
                return None
            case "broken, arrived":
                raise ValueError("an answer that nobody understands")
            case "refused" | "gone":
                raise SendRefused("内容不合规", gone=self.outcome == "gone")
            case "throttled":
                self.platform.throttled.add(self.account)
                raise SendRefused("操作过于频繁", throttled=True)
            case "unreachable":
                raise GatewayUnavailable("连不上")
        raise SendUncertain("超时")


@dataclass(slots=True)
class Process:
    """One `qunyun run`: its owner's name, and the epochs that it believes in by account."""

    name: str
    epochs: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Hand:
    """A delivery that a process holds: claimed, then begun (`post`), then answered (`settle`)."""

    process: Process
    account: int
    epoch: int
    id: int
    key: str
    post: Post | None = None
    settle: Callable[[Session, dt.datetime], bool] | None = None
    outcome: str = ""

    @property
    def may_still_post(self) -> bool:
        return self.post is not None and self.settle is None


class OutboxLife(RuleBasedStateMachine):
    """Ten keys, three rooms, three accounts and two processes, in the hands of fate."""

    def __init__(self, opened: Callable[[], Engine]) -> None:
        """`opened` makes an engine on an empty database."""
        super().__init__()
        self.opened = opened
        self.platform = Platform(START)
        self.ahead = dt.timedelta()
        self.processes = [Process("host:1"), Process("host:2")]
        self.hands: list[Hand] = []
        self.begun: dict[int, Hand] = {}
        # The latest epoch of each account, and until when its lease runs.
        self.epochs: dict[int, int] = {}
        self.until: dict[int, dt.datetime] = {}
        self.rows: dict[int, Any] = {}
        self.keys: set[str] = set()
        # What is in the room although an operator who looked too early said that it is not, and how
        # often it was begun again before anybody knew better.
        self.mistaken: set[str] = set()
        self.again: Counter[str] = Counter()
        # Whether our clock was ever wrong.
        self.wrong = False
        self.sound = False

    @property
    def now(self) -> dt.datetime:
        """What our clock says: it may be ahead of the platform's, or behind."""
        return self.platform.time + self.ahead

    @initialize(twins=st.booleans())
    def found(self, twins: bool) -> None:
        """Some of it is planned; each account has an owner."""
        self.engine = self.opened()
        self.loop = asyncio.Runner()
        a_community(self.engine)
        self._take(self.processes[0], 1)
        self._take(self.processes[1], 2)
        self.plan([0, 1, 2, 3], -1, 600, twins, None)

    def teardown(self) -> None:
        """Where nothing went wrong so far, see how everything ends."""
        if not hasattr(self, "engine"):
            return
        try:
            if self.sound:
                self._finish()
        finally:
            self.loop.close()
            self.engine.dispose()

    # What the calendar and the operators do

    @rule(
        numbers=st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True),
        due=st.sampled_from([-1, -1, -1, 0, 5]),
        lasts=st.sampled_from([2, 30, 600, 600, 600]),
        twins=st.booleans(),
        refused=st.sampled_from([None, None, None, None, "模板缺少变量"]),
    )
    def plan(
        self, numbers: list[int], due: int, lasts: int, twins: bool, refused: str | None
    ) -> None:
        """Keys are planned, perhaps again; `twins` say the same in the same room."""
        accounts = self._rooms()
        wanted = []
        for n in numbers:
            room = (1, 1, 1, 2, 2, 1, 1, 2, 3, 1)[n]
            reply = n in (2, 4)
            wanted.append(
                Intent(
                    key=f"k{n}",
                    kind=DeliveryKind.REPLY if reply else DeliveryKind.POST,
                    room_id=room,
                    account_id=accounts[room],
                    text="开始啦" if twins else f"第 {n} 条",
                    due_at=self.now + due * MINUTE,
                    expires_at=self.now + (due + lasts) * MINUTE,
                    priority=0 if reply else 1,
                    series_id=1 if n % 3 == 0 else None,
                    refused=refused,
                )
            )
        stay = {
            row.key for row in self.rows.values() if row.state is not CANCELLED or not row.withdrawn
        }
        new = {each.key for each in wanted} - stay
        self.keys |= new
        with self._changing() as session:
            planned = outbox.plan(session, wanted, self.now)
        assert planned == (0 if refused else len(new))

    @rule(scope=st.sampled_from(SCOPES), on=RARELY)
    @precondition(lambda self: self.hands)
    def pause_or_resume(self, scope: tuple[PauseScope, int | None], on: bool) -> None:
        """An operator holds something back, or lets all go on."""
        if on:
            with self._changing() as session:
                pauses.pause(session, *scope, "有误", "小李", self.now)
        else:
            self._resume()

    @rule(
        pick=PICK,
        how=st.sampled_from(["no", "no", "no", "no", "cancel", "withdraw", "cancel_series"]),
    )
    @precondition(lambda self: self.hands)
    def cancel(self, pick: int, how: str) -> None:
        """Somebody takes something back, or thinks better of it."""
        row = self._row(pick)
        aimed = [] if how == "no" else [row]
        with self._changing() as session:
            if how == "cancel":
                taken = outbox.cancel(session, [row.id], "运营取消")
            elif how == "withdraw":
                here = database.table(Delivery).c.id == row.id
                taken = outbox.withdraw(session, here, "改期")
            elif how == "no":
                taken = 0
            else:
                taken = outbox.cancel_series(session, 1, "栏目下线")
                aimed = [each for each in self.rows.values() if each.series_id == 1]
            expected = sum(each.state in (PENDING, CLAIMED) for each in aimed)
        assert taken == expected

    @rule(pick=PICK, decision=st.sampled_from(Decision), hasty=RARELY)
    @precondition(lambda self: self.rows)
    def decide(self, pick: int, decision: Decision, hasty: bool) -> None:
        """An operator looks into the room and says what is true, or was when he looked; elsewhere it
        changes nothing.
        """
        held = [row for row in self.rows.values() if row.state is UNCERTAIN]
        row = held[pick % len(held)] if held else self._row(pick)
        if any(hand.id == row.id and hand.may_still_post for hand in self.hands):
            # Nobody decides while the call is not over.
            return
        if row.state is UNCERTAIN and self.platform.times(row.key):
            if hasty and decision is not Decision.SENT:
                self.mistaken.add(row.key)
            else:
                decision = Decision.SENT
        elif row.state is UNCERTAIN and decision is Decision.SENT:
            decision = Decision.RESEND
        again = row.state is FAILED and decision is Decision.RESEND
        with self._changing() as session:
            decided = outbox.decide(session, row.id, decision, "小李", self.now)
        assert decided == (row.state is UNCERTAIN or again)

    @rule(pick=PICK, does=st.booleans(), mistaken=RARELY)
    @precondition(lambda self: any(row.account_id == BY_HAND for row in self.rows.values()))
    def carry_out(self, pick: int, does: bool, mistaken: bool) -> None:
        """A person posts, or does not, where people post; elsewhere their word counts nothing.

        Who was mistaken unsays it at once; nobody else can.
        """
        row = self._row(pick)
        theirs = row.state is PENDING and row.account_id == BY_HAND
        # Somebody else each time: what was said before stands.
        who = f"小王{next(_NUMBERS)}"
        with self._changing() as session:
            if does and theirs and not mistaken:
                self.platform.post(row.key, f"r{row.room_id}", row.text)
            if does:
                done = by_hand.carried_out(session, row.id, who, self.now)
            else:
                done = by_hand.left_out(session, row.id, "群里在吵架", who, self.now)
            if mistaken:
                assert not by_hand.unsaid(session, row.id, "小李", self.now)
                assert by_hand.unsaid(session, row.id, who, self.now) == theirs
        assert done == theirs

    # What processes do

    @rule(
        account=ACCOUNTS,
        limit=st.integers(1, 5),
        renew=st.sampled_from([True, True, True, False]),
        old=RARELY,
    )
    def claim(self, account: int, limit: int, renew: bool, old: bool) -> None:
        """A process claims, under the epoch that it believes in."""
        account = account or self._rooms()[1]
        process, epoch = self._owner(account, old)
        if renew:
            self._renew(process, account)
        expected = self._next(account, epoch)[:limit]
        with self._changing() as session:
            taken = outbox.claim(session, account, epoch, self.now, limit=limit)
        assert [one.id for one in taken] == [row.id for row in expected]
        self.hands += [Hand(process, account, epoch, row.id, row.key) for row in expected]

    @rule(pick=PICK, outcome=st.sampled_from(OUTCOMES))
    @precondition(lambda self: self.hands)
    def go_on(self, pick: int, outcome: str) -> None:
        """A process goes on with what it holds, even where it owns nothing any more."""
        hand = _one(pick, self.hands)
        if hand.post is None:
            self._begin(hand)
        elif hand.settle is None:
            self._hand_over(hand, outcome)
        else:
            self._settle(hand)

    @rule(account=ACCOUNTS, outcome=st.sampled_from(OUTCOMES), old=RARELY)
    def begin_next(self, account: int, outcome: str, old: bool) -> None:
        """A process sends what is next, as `qunyun run` does; its answer is still to be settled."""
        account = account or self._rooms()[1]
        process, epoch = self._owner(account, old)
        current = epoch == self.epochs[account]
        if current:
            self.until[account] = self.now + leases.LASTS
        expected = self._next(account, epoch)[:1]
        sender = self._sender(account, epoch, "", "")
        self.sound = False
        try:
            begun = sending.begin_next(self.engine, sender, self.now)
        except LeaseLost:
            assert not current
            del process.epochs[account]
            return
        assert current
        self._look(at_once=True)
        if isinstance(begun, dt.datetime):
            # The account rests after what it sent when our clock was ahead.
            assert max(row.sending_at or START for row in self.rows.values()) >= self.now
            return
        assert isinstance(begun, Begun) == bool(expected)
        if isinstance(begun, Begun):
            (row,) = expected
            assert begun.delivery_id == row.id
            hand = Hand(process, account, epoch, row.id, row.key, begun.post)
            self._note_begun(hand)
            self._hand_over(hand, outcome)

    @rule(
        who=st.integers(0, 1),
        account=ACCOUNTS,
        how=st.sampled_from(["asks"] * 5 + ["owner was silent", "crashes", "crashes in a call"]),
    )
    def take(self, who: int, account: int, how: str) -> None:
        """A process wants an account, perhaps after a crash, and puts right what was left."""
        process, account = self.processes[who], account or self._rooms()[1]
        if how == "owner was silent":
            self.platform.time += leases.LASTS
        elif how != "asks":
            self._crash(process, arrives=how == "crashes in a call")
        if process.epochs.get(account) != self.epochs[account]:
            self._take(process, account)

    # What the world does

    @rule(seconds=st.sampled_from([0, 1, 1, 5, 20, 20, 60, 125, 600, 1900]), minutes=AHEAD)
    def pass_time(self, seconds: int, minutes: int | None) -> None:
        """Time goes by; our clock may be set wrong, or right again."""
        self.platform.time += seconds * SECOND
        if minutes is not None:
            self.ahead = minutes * MINUTE
            self.wrong |= bool(self.ahead)

    @rule(pick=PICK, mention=st.booleans(), own=st.sampled_from([True, True, False]))
    @precondition(lambda self: self.platform.arrived)
    def echo(self, pick: int, mention: bool, own: bool) -> None:
        """Something that we said comes back: late, out of order, again, or never. Another of our
        accounts hears it under an id of its own.
        """
        heard = _one(pick, self.platform.arrived[::-1])
        text = f"@小雨妈\u2005 {heard.text} " if mention else heard.text
        id = heard.id if own else f"other-{heard.id}"
        at = heard.at.replace(microsecond=0)
        plain = own and heard.key in self.mistaken and self._is_plain(heard)
        with self._changing() as session:
            outbox.echo(session, Said(id, heard.room, "bot", at, "text", text, own=own))
        if plain:
            # It came in time: nobody sends it again.
            assert heard.key not in self.mistaken, f"{heard.key} is still to go again"

    @rule(account=st.sampled_from([1, 2]), renewing=st.sampled_from([True, True, False]))
    def go_away(self, account: int, renewing: bool) -> None:
        """An account has been away for minutes when the planner ticks; the other one is there."""
        comes_or_goes(self.engine, account, self.now, online=False)
        comes_or_goes(self.engine, 3 - account, self.now, online=True)
        self.tick(renewing)

    @rule(renewing=st.booleans())
    def tick(self, renewing: bool) -> None:
        """Leases are renewed, rooms change hands, what is too late is given up."""
        for process in self.processes if renewing else []:
            for account in list(process.epochs):
                self._renew(process, account)
        with self._changing() as session:
            outbox.reassign(session, serving.take_over(session, self.now))
            outbox.recover_abandoned(session, self.now)
            outbox.expire(session, self.now)

    # What must be true after every step

    @invariant()
    def nothing_is_doubled_nor_lost(self) -> None:
        """The promise, on every row and in every room."""
        if not hasattr(self, "engine"):
            return
        self.everything_planned_is_one_row()
        self.rows_say_what_is_in_the_rooms()
        self.what_is_over_says_why()
        self.what_is_under_way_is_in_somebodys_hands()
        self.what_waits_waits_for_who_serves_its_room()
        self.only_an_account_that_did_too_much_rests()
        self.sound = True

    def everything_planned_is_one_row(self) -> None:
        """Every key stands, once, in one of the eight states."""
        assert Counter(row.key for row in self.rows.values()) == dict.fromkeys(self.keys, 1)
        by_state = Counter(row.state for row in self.rows.values())
        assert sum(by_state[state] for state in DeliveryState) == len(self.keys)

    def rows_say_what_is_in_the_rooms(self) -> None:
        """Nothing is there twice; what is there is not called anything else, nor the other way."""
        for row in self.rows.values():
            times = self.platform.times(row.key)
            most = 1 + self.again[row.key]
            assert times <= most, f"{row.key} was posted {times} times"
            if times and row.key not in self.mistaken:
                assert row.state in (SENT, SENDING, UNCERTAIN), f"{row.key} arrived"
            else:
                assert times or row.state is not SENT, f"{row.key} never arrived"

    def what_is_over_says_why(self) -> None:
        """Rows that are neither sent nor under way have a reason; no message is two of them."""
        under_way = (SENT, PENDING, CLAIMED, SENDING)
        assert all(row.reason for row in self.rows.values() if row.state not in under_way)
        named = [row.message_id for row in self.rows.values() if row.message_id is not None]
        assert len(named) == len(set(named))

    def what_is_under_way_is_in_somebodys_hands(self) -> None:
        """A row that nobody alive holds is put right by the next owner of its account."""
        held = {(hand.id, hand.account, hand.epoch) for hand in self.hands}
        for row in self.rows.values():
            if row.state in (CLAIMED, SENDING) and (row.id, row.account_id, row.epoch) not in held:
                owners = [p for p in self.processes if p.epochs.get(row.account_id) == row.epoch]
                assert not owners, f"{row.key} is nobody's"

    def what_waits_waits_for_who_serves_its_room(self) -> None:
        """Else it would wait for nobody, and hold up what comes after it."""
        accounts = self._rooms()
        for row in self.rows.values():
            if row.state in (PENDING, CLAIMED):
                assert row.account_id == accounts[row.room_id], f"{row.key} waits for nobody"

    def only_an_account_that_did_too_much_rests(self) -> None:
        """What one account is told pauses no other."""
        paused = {
            pause.target_id
            for pause in rows(self.engine, Pause)
            if pause.scope is PauseScope.ACCOUNT and pause.by == "风控"
        }
        assert paused <= self.platform.throttled

    # How it is done

    @contextmanager
    def _changing(self) -> Iterator[Session]:
        self.sound = False
        with database.transaction(self.engine) as session:
            yield session
        self._look()

    def _look(self, *, at_once: bool = False) -> None:
        """See which rows went where; `at_once` where a row was claimed and begun since."""
        before, self.rows = self.rows, {row.id: row for row in rows(self.engine, Delivery)}
        for row in self.rows.values():
            was = before.get(row.id)
            if was is None:
                assert row.state in (PENDING, CANCELLED)
            elif was.state is not row.state:
                allowed = ARROWS[was.state] | ({SENDING} if at_once else set())
                allowed = allowed | ({SENT} if row.key in self.mistaken else set())
                assert row.state in allowed, f"{row.key}: {was.state} → {row.state}"
                if row.state is SENT:
                    self.mistaken.discard(row.key)
                elif was.state is CANCELLED:
                    assert was.withdrawn, f"{row.key} was cancelled for good"

    def _next(self, account: int, epoch: int) -> list[Any]:
        """What this account may claim, in order."""
        if epoch != self.epochs[account] or self.until[account] <= self.now:
            return []
        under_way = [
            row
            for row in self.rows.values()
            if row.state in claiming.UNDER_WAY
            and row.expires_at > self.now
            and (row.state is not PENDING or (row.account_id == account and not self._is_held(row)))
        ]
        first: dict[tuple[int, int], Any] = {}
        for row in sorted(under_way, key=lambda row: (row.due_at, row.id)):
            first.setdefault((row.room_id, row.priority), row)
        chosen = [
            row
            for row in first.values()
            if row.state is PENDING
            and row.account_id == account
            and row.due_at <= self.now
            and (row.not_before is None or row.not_before <= self.now)
            and not self._is_held(row)
        ]
        return sorted(chosen, key=lambda row: (row.priority, row.due_at, row.id))

    def _is_held(self, row: Any) -> bool:
        aims: Mapping[PauseScope, object] = {
            PauseScope.ALL: None,
            PauseScope.SERIES: row.series_id,
            PauseScope.ACCOUNT: row.account_id,
            PauseScope.ROOM: row.room_id,
        }
        return any(aims[pause.scope] == pause.target_id for pause in self._pauses())

    def _pauses(self) -> list[Any]:
        return [pause for pause in rows(self.engine, Pause) if pause.resumed_at is None]

    def _resume(self) -> None:
        with self._changing() as session:
            for scope, target in SCOPES:
                pauses.resume(session, scope, target, "", "小李", self.now)

    def _take(self, process: Process, account: int) -> int | None:
        """As `app.own_accounts` does it."""
        alive = {each.name for each in self.processes}
        with self._changing() as session:
            epoch = leases.take(
                session, account, process.name, self.now, is_dead=lambda owner: owner not in alive
            )
            if epoch is not None:
                outbox.recover(session, account, epoch)
        if epoch is not None:
            assert epoch > self.epochs.get(account, 0)
            self.epochs[account] = process.epochs[account] = epoch
            self.until[account] = self.now + leases.LASTS
        return epoch

    def _owner(self, account: int, old: bool) -> tuple[Process, int]:
        """Who owns an account, or with `old` who thinks so, and under which epoch."""
        for process in self.processes:
            epoch = process.epochs.get(account)
            if epoch is not None and (epoch == self.epochs[account]) != old:
                return process, epoch
        if old:
            return self._owner(account, old=False)
        taken = self._take(self.processes[0], account)
        assert taken is not None, "whoever owned it is dead"
        return self.processes[0], taken

    def _renew(self, process: Process, account: int) -> None:
        with self._changing() as session:
            renewed = leases.renew(session, account, process.epochs[account], self.now)
        assert renewed == (process.epochs[account] == self.epochs[account])
        if renewed:
            self.until[account] = self.now + leases.LASTS

    def _begin(self, hand: Hand) -> None:
        row = self.rows[hand.id]
        may = (
            row.state is CLAIMED
            and (row.account_id, row.epoch) == (hand.account, hand.epoch)
            and hand.epoch == self.epochs[hand.account]
            and not self._is_held(row)
            and row.expires_at > self.now
        )
        with self._changing() as session:
            hand.post = outbox.begin(session, hand.id, hand.epoch, self.now)
        assert (hand.post is not None) == may, f"begun {hand.post is not None}, may {may}"
        self._note_begun(hand)

    def _note_begun(self, hand: Hand) -> None:
        """What was begun is in its process's hands; what was not, is in nobody's."""
        if hand.post is None:
            self.hands.remove(hand)
            return
        self.begun[hand.id] = hand
        self.again[hand.key] += hand.key in self.mistaken
        if hand not in self.hands:
            self.hands.append(hand)

    def _hand_over(self, hand: Hand, outcome: str) -> None:
        assert hand.post is not None
        hand.outcome = outcome
        sender = self._sender(hand.account, hand.epoch, hand.key, outcome)
        hand.settle = self.loop.run(sending.hand_over(sender, Begun(hand.id, hand.post)))

    def _settle(self, hand: Hand) -> None:
        assert hand.settle is not None
        self.hands.remove(hand)
        row = self.rows[hand.id]
        if hand.outcome.startswith("accepted"):
            under_way = row.state in (SENDING, UNCERTAIN)
            expected = under_way or (row.state is not SENT and row.key in self.mistaken)
        else:
            # What surely did not arrive may be said as long as nobody has decided.
            silent = hand.outcome.startswith(("timeout", "broken"))
            open_ = (SENDING,) if silent else (SENDING, UNCERTAIN)
            expected = row.state in open_ and self.begun[row.id] is hand
        with self._changing() as session:
            settled = hand.settle(session, self.now)
        assert settled == expected, f"{hand.outcome}: settled {settled}"

    def _sender(self, account: int, epoch: int, key: str, outcome: str) -> Sender:
        # Nothing but `send` is ever asked of it.
        line = cast(Gateway, Line(self.platform, account, key, outcome))
        return Sender(account, epoch, line, AT_ONCE, timeout=60)

    def _sent_next(self, account: int) -> bool:
        """Send one thing as it should be; False where nothing is due."""
        self.begin_next(account, "accepted", old=False)
        answered = [hand for hand in self.hands if hand.settle]
        for hand in answered:
            self._settle(hand)
        return bool(answered)

    def _crash(self, process: Process, arrives: bool) -> None:
        for hand in [hand for hand in self.hands if hand.process is process]:
            self.hands.remove(hand)
            if arrives and hand.may_still_post and hand.post is not None:
                self.platform.post(hand.key, hand.post.room, hand.post.text)
        # It comes back as somebody else, and owns nothing.
        process.name, process.epochs = f"host:{next(_NUMBERS) + 2}", {}

    def _is_plain(self, heard: Arrival) -> bool:
        """Whether nothing but one delivery can have been that, and it waits or is over."""
        (row,) = [row for row in self.rows.values() if row.key == heard.key]
        words = echoes.fingerprint(heard.text)
        alike = [
            each
            for each in self.rows.values()
            if each.room_id == row.room_id and each.fingerprint == words
        ]
        return alike == [row] and not self.wrong

    def _rooms(self) -> dict[int, int]:
        return {room.id: room.account_id for room in rows(self.engine, Room)}

    def _row(self, pick: int) -> Any:
        return _one(pick, list(self.rows.values()))

    def _finish(self) -> None:
        """Both processes die, one comes back, the platform is well, operators do their work."""
        for process in self.processes:
            self._crash(process, arrives=False)
        process = self.processes[0]
        self._resume()
        for account in (1, 2):
            assert self._take(process, account) is not None
        while waiting := [row for row in self.rows.values() if row.state in (PENDING, UNCERTAIN)]:
            for n, row in enumerate(self.rows.values()):
                if row.state is UNCERTAIN:
                    self.decide(n, Decision.RESEND, hasty=False)
            for account in (1, 2):
                while self._sent_next(account):
                    pass
            for n, row in enumerate(self.rows.values()):
                if (row.state, row.account_id) == (PENDING, BY_HAND):
                    self.carry_out(n, does=True, mistaken=False)
            later = [when for row in waiting if (when := _ready_at(row)) > self.now]
            self.platform.time += min(later, default=self.now + 30 * MINUTE) - self.now
            self.tick(renewing=True)
        for row in self.rows.values():
            assert row.state in (SENT, FAILED, EXPIRED, CANCELLED), row.key
            if row.key not in self.mistaken:
                assert bool(self.platform.times(row.key)) == (row.state is SENT), row.key
        self.what_is_over_says_why()
        self.everything_planned_is_one_row()


def _ready_at(row: Any) -> dt.datetime:
    ready: dt.datetime = max(row.due_at, row.not_before or row.due_at)
    return ready


def _one(pick: int, among: Sequence[Thing]) -> Thing:
    return among[pick % len(among)]


def lived(opened: Callable[[], Engine], examples: int) -> None:
    """Live so many lives, each on a database of its own."""

    class Life(OutboxLife):
        def __init__(self) -> None:
            super().__init__(opened)

    # Shrinking a life takes minutes, and every step of the failing one is printed anyway.
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES or examples,
            stateful_step_count=50,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nothing_is_doubled_nor_lost_whatever_happens_on_sqlite(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "life.db"

    def opened() -> Engine:
        for rest in tmp_path.glob("life.db*"):
            rest.unlink()
        shutil.copy(sqlite_template, path)
        return database.connect(f"sqlite:///{path}")

    lived(opened, 40)


def test_nothing_is_doubled_nor_lost_whatever_happens_on_postgresql(
    postgresql_server: str,
) -> None:
    name = f"qunyun_outbox_{next(_NUMBERS)}"
    with databases.postgresql_database(postgresql_server, name, TEMPLATE) as url:

        def opened() -> Engine:
            engine = database.connect(url)
            emptied(engine)
            return engine

        lived(opened, 10)


# What such lives came upon


def a_post(engine: Engine, key: str = "k", *, at: dt.datetime = START) -> None:
    """Something to room 1, by whoever serves it."""
    (room, *_) = rows(engine, Room)
    until = at + HOUR
    with database.transaction(engine) as session:
        outbox.plan(
            session,
            [Intent(key, DeliveryKind.POST, room.id, room.account_id, "开始啦", at, until)],
            at,
        )


def owned(engine: Engine, account: int, now: dt.datetime, owner: str = "host:1") -> int:
    """A process owns an account, and has put right what was left; the epoch."""
    with database.transaction(engine) as session:
        epoch = leases.take(session, account, owner, now)
        assert epoch is not None
        outbox.recover(session, account, epoch)
    return epoch


def claimed(engine: Engine, account: int, epoch: int, now: dt.datetime) -> list[int]:
    """The ids of what an account may take next."""
    with database.transaction(engine) as session:
        leases.renew(session, account, epoch, now)
        return [one.id for one in outbox.claim(session, account, epoch, now)]


def begun(engine: Engine, account: int, epoch: int, now: dt.datetime) -> int:
    """The id of what an account is sending now."""
    (one,) = claimed(engine, account, epoch, now)
    with database.transaction(engine) as session:
        assert outbox.begin(session, one, epoch, now) is not None
    return one


def steps_in(engine: Engine, heir: int, epoch: int, now: dt.datetime) -> None:
    """The other account is away, and this one takes over."""
    comes_or_goes(engine, 3 - heir, now, online=False)
    with database.transaction(engine) as session:
        leases.renew(session, heir, epoch, now)
        taken_over = serving.take_over(session, now)
        assert set(taken_over.values()) == {heir}
        outbox.reassign(session, taken_over)


LATER = START + 3 * MINUTE


def test_a_claim_that_ended_is_begun_by_the_new_account_alone(engine: Engine) -> None:
    a_community(engine)
    a_post(engine)
    first, second = owned(engine, 1, START), owned(engine, 2, START, "host:2")
    (one,) = claimed(engine, 1, first, START)
    steps_in(engine, 2, second, LATER)
    assert claimed(engine, 2, second, LATER) == [one]
    with database.transaction(engine) as session:
        assert outbox.begin(session, one, first, LATER) is None
        assert outbox.begin(session, one, second, LATER) is not None


@pytest.mark.parametrize("says", ["unreachable", "refused", "unanswered", "throttled"])
def test_an_old_owner_undoes_nothing_that_another_account_is_sending(
    engine: Engine, says: str
) -> None:
    a_community(engine)
    a_post(engine)
    first, second = owned(engine, 1, START), owned(engine, 2, START, "host:2")
    one = begun(engine, 1, first, START)
    owned(engine, 1, LATER, "host:3")
    with database.transaction(engine) as session:
        assert outbox.decide(session, one, Decision.RESEND, "小李", LATER)
    steps_in(engine, 2, second, LATER)
    assert begun(engine, 2, second, LATER) == one
    with database.transaction(engine) as session:
        if says == "unreachable":
            done = outbox.not_handed_over(session, one, first, "连不上", LATER)
        elif says == "refused":
            done = outbox.refused(session, one, first, "不在群里", gone=True)
        elif says == "unanswered":
            done = outbox.unanswered(session, one, first, "超时")
        else:
            done = outbox.throttled(session, one, first, "操作过于频繁", LATER)
    assert not done
    assert [row.state for row in rows(engine, Delivery)] == [SENDING]
    assert [pause.target_id for pause in rows(engine, Pause)] == []


def test_an_echo_from_before_the_clock_was_set_back_settles_no_other_post(engine: Engine) -> None:
    """The first arrived while our clock was ahead, the second, in the same words, never did."""
    a_community(engine)
    ahead = START + 20 * MINUTE
    a_post(engine, "k1", at=ahead)
    epoch = owned(engine, 1, START)
    first = begun(engine, 1, epoch, ahead)
    a_post(engine, "k2")
    with database.transaction(engine) as session:
        outbox.unanswered(session, first, epoch, "超时")
    second = begun(engine, 1, epoch, START)
    with database.transaction(engine) as session:
        outbox.unanswered(session, second, epoch, "超时")
        outbox.echo(session, Said("m1", "r1", "bot", START, "text", "开始啦", own=True))
    assert [row.state for row in rows(engine, Delivery)] == [UNCERTAIN, UNCERTAIN]


@pytest.mark.parametrize("how", ["resend", "unreachable", "throttled"])
def test_what_is_to_go_again_waits_for_the_account_that_serves_its_room_now(
    engine: Engine, how: str
) -> None:
    a_community(engine)
    a_post(engine)
    first, second = owned(engine, 1, START), owned(engine, 2, START, "host:2")
    one = begun(engine, 1, first, START)
    steps_in(engine, 2, second, LATER)
    with database.transaction(engine) as session:
        if how == "resend":
            outbox.unanswered(session, one, first, "超时")
            assert outbox.decide(session, one, Decision.RESEND, "小李", LATER)
        elif how == "unreachable":
            assert outbox.not_handed_over(session, one, first, "连不上", LATER)
        else:
            assert outbox.throttled(session, one, first, "操作过于频繁", LATER)
    assert claimed(engine, 2, second, LATER + MINUTE) == [one]


SAID = Said("m1", "r1", "bot", START, "text", "开始啦", own=True)


def ordered_again(engine: Engine, decision: Decision = Decision.RESEND) -> tuple[int, int]:
    """A post that got no answer and that an operator does not see in the room yet; the epoch and its
    id.
    """
    a_community(engine)
    a_post(engine)
    epoch = owned(engine, 1, START)
    one = begun(engine, 1, epoch, START)
    with database.transaction(engine) as session:
        assert outbox.unanswered(session, one, epoch, "超时")
        assert outbox.decide(session, one, decision, "小李", LATER)
    return epoch, one


@pytest.mark.parametrize("decision", [Decision.RESEND, Decision.FAILED])
@pytest.mark.parametrize("told", ["echo", "echo of another", "answer"])
@pytest.mark.parametrize("then", ["waits", "claimed", "cancelled", "expired"])
def test_what_arrived_after_all_is_not_sent_again(
    engine: Engine, decision: Decision, told: str, then: str
) -> None:
    epoch, one = ordered_again(engine, decision)
    if then == "claimed":
        claimed(engine, 1, epoch, LATER)
    with database.transaction(engine) as session:
        if then == "cancelled":
            outbox.cancel(session, [one], "运营取消")
        elif then == "expired":
            outbox.expire(session, LATER + 2 * HOUR)
    with database.transaction(engine) as session:
        if told == "answer":
            assert outbox.sent(session, one, "m1", LATER)
        else:
            assert outbox.echo(session, replace(SAID, own=told == "echo"))
    with database.transaction(engine) as session:
        assert outbox.begin(session, one, epoch, LATER) is None
    assert claimed(engine, 1, epoch, LATER) == []
    (row,) = rows(engine, Delivery)
    assert (row.state, row.reason) == (SENT, None)
    assert row.message_id == (None if told == "echo of another" else "m1")


@pytest.mark.parametrize("answered", ["not yet", "accepted", "lost"])
def test_an_echo_that_comes_after_the_second_sending_says_that_two_may_be_there(
    engine: Engine, answered: str
) -> None:
    epoch, one = ordered_again(engine)
    assert begun(engine, 1, epoch, LATER) == one
    with database.transaction(engine) as session:
        if answered == "accepted":
            assert outbox.sent(session, one, "m2", LATER)
        elif answered == "lost":
            assert outbox.unanswered(session, one, epoch, "超时")
    with database.transaction(engine) as session:
        assert outbox.echo(session, SAID) == (answered != "accepted")
        assert not outbox.echo(session, SAID)
    (row,) = rows(engine, Delivery)
    assert (row.state, row.reason) == (SENT, outbox.TWICE)
    # What is known last can still be taken back.
    assert row.message_id == ("m2" if answered == "accepted" else "m1")


def test_an_echo_does_not_choose_between_what_goes_again_and_another_post(engine: Engine) -> None:
    epoch, one = ordered_again(engine)
    a_post(engine, "k2", at=LATER)
    assert begun(engine, 1, epoch, LATER) == one
    with database.transaction(engine) as session:
        assert outbox.not_handed_over(session, one, epoch, "连不上", LATER)
        outbox.cancel(session, [one], "运营取消")
    other = begun(engine, 1, epoch, LATER)
    with database.transaction(engine) as session:
        assert outbox.unanswered(session, other, epoch, "超时")
        assert not outbox.echo(session, replace(SAID, at=LATER))
    assert [row.state for row in rows(engine, Delivery)] == [CANCELLED, UNCERTAIN]
