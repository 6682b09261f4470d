"""No key is posted twice, and whatever may not have arrived is listed."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine

import pytest
from sqlalchemy import Engine

from bot import database, leases, outbox, pacing, pauses, serving, standby
from bot.gateway import Said
from bot.intents import Intent
from bot.leases import Held
from bot.models import (
    Account,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Pause,
    Room,
    Series,
    SeriesKind,
)
from bot.models.pause import PauseScope
from bot.outbox import Decision
from bot.pacing import Pace
from bot.settings import QuietHours
from tests.saying import SHANGHAI, local, rows

EIGHT = local("2026-11-11 20:00")
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)


def rooms(engine: Engine, count: int = 1) -> int:
    """So many rooms of one owned account; returns the lease's epoch."""
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        for number in range(1, count + 1):
            session.add(Room(id=number, platform_id=f"r{number}@chatroom", account_id=1))
        session.flush()
        epoch = leases.take(session, 1, "here:1", EIGHT)
    assert epoch is not None
    return epoch


def intent(room: int = 1, key: str = "", *, due: dt.datetime = EIGHT, text: str = "开始啦",
           kind: DeliveryKind = DeliveryKind.POST, priority: int = 1) -> Intent:  # fmt: skip
    return Intent(
        key or f"post:qa:2026-11-11:开场:r{room}@chatroom", kind, room, 1, text, due,
        due + dt.timedelta(hours=2), priority,
    )  # fmt: skip


def plan(engine: Engine, *intents: Intent) -> int:
    with database.transaction(engine) as session:
        return outbox.plan(session, intents, EIGHT - MINUTE)


def claim(engine: Engine, epoch: int, now: dt.datetime = EIGHT, limit: int = 10) -> list[int]:
    with database.transaction(engine) as session:
        # As whoever sends does it; an old epoch is not renewed.
        leases.renew(session, 1, epoch, now)
        return [one.id for one in outbox.claim(session, 1, epoch, now, limit=limit)]


def begin(engine: Engine, delivery: int, epoch: int, now: dt.datetime = EIGHT) -> bool:
    with database.transaction(engine, durable=True) as session:
        return outbox.begin(session, delivery, epoch, now) is not None


def states(engine: Engine) -> list[DeliveryState]:
    return [row.state for row in sorted(rows(engine, Delivery), key=lambda row: row.id)]


def reasons(engine: Engine) -> list[str]:
    return [row.reason for row in rows(engine, Delivery)]


def test_planning_the_same_key_again_adds_nothing(engine: Engine) -> None:
    rooms(engine)
    assert plan(engine, intent()) == 1
    assert plan(engine, intent(text="改过的")) == 0
    assert [row.text for row in rows(engine, Delivery)] == ["开始啦"]


def test_a_delivery_is_claimed_by_one_only_and_replies_go_first(engine: Engine) -> None:
    epoch = rooms(engine, 3)
    plan(engine, intent(1), intent(2), intent(3, "reply:1", kind=DeliveryKind.REPLY, priority=0))
    assert claim(engine, epoch, limit=2) == [3, 1]
    assert claim(engine, epoch) == [2]
    assert claim(engine, epoch) == []


def test_nothing_goes_before_its_time_nor_after_its_limit(engine: Engine) -> None:
    epoch = rooms(engine)
    plan(engine, intent())
    assert claim(engine, epoch, EIGHT - SECOND) == []
    late = EIGHT + dt.timedelta(hours=2)
    with database.transaction(engine) as session:
        assert leases.renew(session, 1, epoch, late)
    assert claim(engine, epoch, late) == []
    with database.transaction(engine) as session:
        assert outbox.expire(session, late) == 1
    assert states(engine) == [DeliveryState.EXPIRED]
    assert reasons(engine) == ["已过时限:账号未能及时发出"]


def test_an_earlier_post_to_a_room_is_never_overtaken(engine: Engine) -> None:
    epoch = rooms(engine)
    plan(engine, intent(key="a"), intent(key="b", due=EIGHT + SECOND))
    now = EIGHT + MINUTE
    with database.transaction(engine) as session:
        leases.renew(session, 1, epoch, now)
    assert claim(engine, epoch, now, limit=1) == [1]
    assert claim(engine, epoch, now) == []


def test_an_old_owner_claims_and_begins_nothing_but_may_tell_what_arrived(engine: Engine) -> None:
    old = rooms(engine, 3)
    plan(engine, intent(1), intent(2), intent(3))
    first, second, third = claim(engine, old)
    assert begin(engine, first, old)
    later = EIGHT + 2 * MINUTE
    with database.transaction(engine) as session:
        new = leases.take(session, 1, "there:2", later)
        assert new is not None
        assert outbox.recover(session, 1, new) == (2, 1)
    assert states(engine) == [
        DeliveryState.UNCERTAIN, DeliveryState.PENDING, DeliveryState.PENDING,
    ]  # fmt: skip
    assert not begin(engine, second, old, later)
    assert claim(engine, old, later) == []
    with database.transaction(engine) as session:
        assert outbox.sent(session, first, "x1", later)
    assert claim(engine, new, later) == [second, third]


def test_what_an_account_left_that_never_comes_back_is_put_right(engine: Engine) -> None:
    epoch = rooms(engine, 3)
    plan(engine, intent(1), intent(2), intent(3))
    first, second, third = claim(engine, epoch)
    assert begin(engine, first, epoch)
    assert begin(engine, second, epoch)
    gone = EIGHT + leases.LASTS + serving.AWAY
    with database.transaction(engine) as session:
        assert outbox.recover_abandoned(session, gone - SECOND) == (0, 0), "it may only be slow"
        assert outbox.recover_abandoned(session, gone) == (1, 2)
        assert outbox.recover_abandoned(session, gone) == (0, 0)
        assert outbox.sent(session, first, "x1", gone), "it was only very slow"
        assert outbox.not_handed_over(session, second, epoch, "连不上", gone)
        outbox.expire(session, EIGHT + dt.timedelta(hours=3))
    assert states(engine) == [DeliveryState.SENT, DeliveryState.EXPIRED, DeliveryState.EXPIRED]
    assert not begin(engine, third, epoch, gone)


def test_what_a_slow_owner_holds_is_left_to_it(engine: Engine) -> None:
    epoch = rooms(engine, 2)
    plan(engine, intent(1), intent(2))
    first, second = claim(engine, epoch)
    assert begin(engine, first, epoch)
    later = EIGHT + dt.timedelta(hours=1)
    with database.transaction(engine) as session:
        leases.renew(session, 1, epoch, later)
        assert outbox.recover_abandoned(session, later) == (0, 0)
    assert begin(engine, second, epoch, later)


def test_a_running_lease_is_not_taken_but_a_dead_owners_is(engine: Engine) -> None:
    rooms(engine)
    with database.transaction(engine) as session:
        assert leases.take(session, 1, "there:2", EIGHT + SECOND) is None
        dead = leases.take(session, 1, "there:2", EIGHT + SECOND, is_dead=lambda o: o == "here:1")
    assert dead == 2


def test_a_lease_from_a_clock_that_was_wrong_is_not_waited_for(engine: Engine) -> None:
    rooms(engine)
    ahead = EIGHT + dt.timedelta(hours=1)
    with database.transaction(engine) as session:
        assert leases.renew(session, 1, 1, ahead)
        assert leases.held(session, 1, ahead) is Held.YES
        assert leases.held(session, 1, EIGHT) is Held.RUN_OUT
        assert leases.take(session, 1, "there:2", EIGHT) == 2


def test_whether_an_account_is_held_tells_a_stop_from_a_death(engine: Engine) -> None:
    epoch = rooms(engine)
    after = EIGHT + leases.LASTS
    with database.transaction(engine) as session:
        assert leases.held(session, 1, after - SECOND) is Held.YES
        assert leases.held(session, 1, after) is Held.RUN_OUT
        leases.release(session, 1, epoch)
        assert leases.held(session, 1, after) is Held.NOT


async def test_whoever_stands_by_waits_until_the_owner_dies_or_stays_away(engine: Engine) -> None:
    epoch = rooms(engine)
    looks = []
    clock = EIGHT

    async def write(look: Callable[[], Held]) -> Held:
        nonlocal clock
        looks.append(look())
        if len(looks) == 2:
            clock += leases.LASTS
        elif looks[-1] is Held.RUN_OUT:
            clock = EIGHT
            with database.transaction(engine) as session:
                leases.release(session, 1, epoch)
        return looks[-1]

    def turn(stop: asyncio.Event) -> Coroutine[None, None, bool]:
        return standby.turn(engine, 1, write, lambda: clock, stop, look_seconds=0)

    assert await turn(asyncio.Event())
    assert looks == [Held.YES, Held.YES, Held.RUN_OUT]
    assert await turn(asyncio.Event())
    assert looks[3:] == [Held.NOT] * standby.LOOKS
    stop = asyncio.Event()
    stop.set()
    assert not await turn(stop)


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        (PauseScope.ALL, None),
        (PauseScope.SERIES, 1),
        (PauseScope.ACCOUNT, 1),
        (PauseScope.ROOM, 1),
    ],
)
def test_a_pause_holds_back_even_what_is_claimed(
    engine: Engine, scope: PauseScope, target: int | None
) -> None:
    epoch = rooms(engine)
    with database.transaction(engine) as session:
        day = dt.date(2026, 11, 11)
        session.add(
            Series(id=1, key="qa", name="问答", kind=SeriesKind.QA_DAY, starts=day, ends=day,
                   recurrence={}, at=dt.time(20), audience={})
        )  # fmt: skip
        session.flush()
        outbox.plan(
            session,
            [Intent("k", DeliveryKind.POST, 1, 1, "好", EIGHT, EIGHT + MINUTE, series_id=1)],
            EIGHT,
        )
    (claimed,) = claim(engine, epoch)
    with database.transaction(engine) as session:
        assert pauses.pause(session, scope, target, "活动有误", "小李", EIGHT)
        assert not pauses.pause(session, scope, target, "再来一次", "小李", EIGHT)
    assert not begin(engine, claimed, epoch)
    assert states(engine) == [DeliveryState.PENDING]
    assert claim(engine, epoch) == []
    with database.transaction(engine) as session:
        assert pauses.resume(session, scope, target, "", "小李", EIGHT)
    assert claim(engine, epoch) == [claimed]


def test_quiet_hours_hold_posts_and_let_replies_go(engine: Engine) -> None:
    epoch = rooms(engine, 3)
    night = local("2026-11-11 23:00")
    with database.transaction(engine) as session:
        session.connection().execute(
            database.table(Room).update().where(database.table(Room).c.id == 3)
            .values(zone="Europe/Berlin")
        )  # fmt: skip
        leases.renew(session, 1, epoch, night)
    plan(
        engine,
        intent(1, due=night),
        intent(2, "reply:1", due=night, kind=DeliveryKind.REPLY, priority=0),
        intent(3, due=night),
    )
    pace = Pace((0, 0), 0, 40, 100, 9, 0, QuietHours(dt.time(22, 30), dt.time(8)), SHANGHAI)
    with database.transaction(engine) as session:
        quiet = pacing.resting_rooms(session, night, pace)
        claimed = outbox.claim(session, 1, epoch, night, limit=9, resting_rooms=quiet)
    assert [one.room_id for one in claimed] == [2, 3]


def test_a_room_gets_its_share_of_posts_a_day_and_no_more(engine: Engine) -> None:
    epoch = rooms(engine, 2)
    tomorrow = local("2026-11-12 09:00")
    plan(engine, *(intent(1, f"post:{n}", due=EIGHT + n * SECOND) for n in range(3)), intent(2))
    pace = Pace((0, 0), 0, 40, 100, 2, 0, None, SHANGHAI)

    def go(now: dt.datetime) -> list[int]:
        with database.transaction(engine) as session:
            leases.renew(session, 1, epoch, now)
            resting = pacing.resting_rooms(session, now, pace)
            claimed = outbox.claim(session, 1, epoch, now, resting_rooms=resting)
        for one in claimed:
            assert begin(engine, one.id, epoch, now)
            with database.transaction(engine) as session:
                outbox.sent(session, one.id, None, now)
        return [one.id for one in claimed]

    now = EIGHT + MINUTE
    assert [go(now), go(now), go(now), go(now)] == [[1], [4], [2], []]
    with database.transaction(engine) as session:
        delivery = database.table(Delivery)
        session.connection().execute(delivery.update().values(expires_at=tomorrow + MINUTE))
    assert go(tomorrow) == [3]


def echoed(engine: Engine, said: Said) -> bool:
    with database.transaction(engine) as session:
        return outbox.echo(session, said)


def own(text: str, id: str = "e1", at: dt.datetime = EIGHT) -> Said:
    return Said(id, "r1@chatroom", "bot", at, "text", text, own=True)


def test_an_unanswered_post_waits_and_its_echo_settles_it(engine: Engine) -> None:
    epoch = rooms(engine)
    plan(engine, intent())
    (delivery,) = claim(engine, epoch)
    assert begin(engine, delivery, epoch, EIGHT + dt.timedelta(milliseconds=300))
    with database.transaction(engine) as session:
        assert outbox.unanswered(session, delivery, epoch, "超时")
    assert claim(engine, epoch) == []
    assert not echoed(engine, own("别的话"))
    assert not echoed(engine, own("开始啦", at=EIGHT - MINUTE))
    assert echoed(engine, own("@小雨妈\u2005 开始啦 "))
    assert not echoed(engine, own("开始啦"))
    (row,) = rows(engine, Delivery)
    assert (row.state, row.message_id, row.reason) == (DeliveryState.SENT, "e1", None)


def test_an_echo_that_two_posts_fit_settles_neither(engine: Engine) -> None:
    epoch = rooms(engine)
    plan(engine, intent(key="a"), intent(key="b"))
    for _ in range(2):
        (delivery,) = claim(engine, epoch, limit=1)
        assert begin(engine, delivery, epoch)
        with database.transaction(engine) as session:
            outbox.unanswered(session, delivery, epoch, "超时")
    assert not echoed(engine, own("开始啦"))
    assert states(engine) == [DeliveryState.UNCERTAIN] * 2


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (Decision.SENT, DeliveryState.SENT),
        (Decision.RESEND, DeliveryState.PENDING),
        (Decision.FAILED, DeliveryState.FAILED),
    ],
)
def test_an_operator_decides_what_is_uncertain_and_nothing_else(
    engine: Engine, decision: Decision, state: DeliveryState
) -> None:
    epoch = rooms(engine)
    plan(engine, intent())
    with database.transaction(engine) as session:
        assert not outbox.decide(session, 1, decision, "小李", EIGHT)
    (delivery,) = claim(engine, epoch)
    begin(engine, delivery, epoch)
    with database.transaction(engine) as session:
        outbox.unanswered(session, delivery, epoch, "超时")
        assert outbox.decide(session, delivery, decision, "小李", EIGHT)
    assert states(engine) == [state]


def test_what_was_never_handed_over_goes_again_later_and_refusals_stay(engine: Engine) -> None:
    epoch = rooms(engine, 2)
    plan(engine, intent(1), intent(2))
    first, second = claim(engine, epoch)
    begin(engine, first, epoch)
    begin(engine, second, epoch)
    with database.transaction(engine) as session:
        outbox.not_handed_over(session, first, epoch, "连不上", EIGHT)
        outbox.refused(session, second, epoch, "机器人不在群里")
    assert claim(engine, epoch, EIGHT + 9 * SECOND) == []
    assert claim(engine, epoch, EIGHT + 10 * SECOND) == [first]
    assert states(engine)[1] is DeliveryState.FAILED


def test_a_throttled_account_rests_until_somebody_lets_it_go_on(engine: Engine) -> None:
    epoch = rooms(engine, 2)
    plan(engine, intent(1), intent(2))
    (first, _) = claim(engine, epoch)
    begin(engine, first, epoch)
    with database.transaction(engine) as session:
        outbox.throttled(session, first, epoch, "操作过于频繁", EIGHT)
        outbox.recover(session, 1, epoch + 1)
    assert states(engine) == [DeliveryState.PENDING] * 2
    assert claim(engine, epoch) == []


def test_an_old_owner_cannot_undo_what_a_new_owner_is_sending(engine: Engine) -> None:
    old = rooms(engine)
    plan(engine, intent())
    (delivery,) = claim(engine, old)
    assert begin(engine, delivery, old)
    later = EIGHT + 2 * MINUTE
    with database.transaction(engine) as session:
        new = leases.take(session, 1, "there:2", later)
        assert new is not None
        outbox.recover(session, 1, new)
        assert outbox.decide(session, delivery, Decision.RESEND, "小李", later)
    assert claim(engine, new, later) == [delivery]
    assert begin(engine, delivery, new, later)
    with database.transaction(engine) as session:
        assert not outbox.not_handed_over(session, delivery, old, "连不上", later)
        assert not outbox.refused(session, delivery, old, "不在群里")
        assert not outbox.unanswered(session, delivery, old, "超时")
    assert states(engine) == [DeliveryState.SENDING]


def test_cancelling_stops_what_is_not_yet_being_sent(engine: Engine) -> None:
    epoch = rooms(engine, 3)
    plan(engine, intent(1), intent(2), intent(3))
    first, second = claim(engine, epoch, limit=2)
    assert begin(engine, first, epoch)
    with database.transaction(engine) as session:
        assert outbox.cancel(session, [1, 2, 3], "运营取消") == 2
    assert not begin(engine, second, epoch)
    assert plan(engine, intent(3)) == 0
    assert states(engine) == [DeliveryState.SENDING, *[DeliveryState.CANCELLED] * 2]


def test_what_the_calendar_withdrew_is_planned_again_as_it_is_now(engine: Engine) -> None:
    epoch = rooms(engine, 2)
    plan(engine, intent(1), intent(2))
    (first,) = claim(engine, epoch, limit=1)
    assert begin(engine, first, epoch)
    delivery = database.table(Delivery)
    with database.transaction(engine) as session:
        assert outbox.withdraw(session, delivery.c.room_id > 0, "改到明天") == 1
    tomorrow = EIGHT + dt.timedelta(days=1)
    later = [intent(room, due=tomorrow)._replace(text="明天见") for room in (1, 2)]
    assert plan(engine, *later) == 1
    assert plan(engine, *later) == 0
    found = sorted(rows(engine, Delivery), key=lambda row: row.id)
    assert [(row.state, row.text) for row in found] == [
        (DeliveryState.SENDING, "开始啦"), (DeliveryState.PENDING, "明天见"),
    ]  # fmt: skip


def test_pace_is_computed_from_what_was_sent(engine: Engine) -> None:
    epoch = rooms(engine, 4)
    plan(engine, *(intent(number) for number in range(1, 5)))
    pace = Pace((3, 5), 1, 2, 3, 9, 0, None, SHANGHAI)

    def slot(now: dt.datetime) -> pacing.Slot:
        with database.reading(engine) as session:
            return pacing.slot(session, 1, now, pace)

    assert slot(EIGHT).ready_at <= EIGHT
    ready = []
    now = EIGHT
    for delivery in claim(engine, epoch, limit=3):
        begin(engine, delivery, epoch, now)
        ready.append(slot(now))
        now += 5 * SECOND
    assert 3 <= (ready[0].ready_at - EIGHT).total_seconds() <= 5
    assert ready[0].room_ready_at == EIGHT + SECOND
    assert ready[1].ready_at == EIGHT + MINUTE
    assert [each.spent_until for each in ready] == [None, None, local("2026-11-12 00:00")]


def test_every_delivery_is_in_one_state_and_says_why_it_was_not_sent(engine: Engine) -> None:
    epoch = rooms(engine, 5)
    plan(engine, *(intent(number) for number in range(1, 6)))
    claimed = claim(engine, epoch, limit=3)
    for delivery in claimed:
        begin(engine, delivery, epoch)
    with database.transaction(engine) as session:
        outbox.sent(session, claimed[0], "x", EIGHT)
        outbox.unanswered(session, claimed[1], epoch, "超时")
        outbox.refused(session, claimed[2], epoch, "群已解散")
        outbox.cancel(session, [4], "运营取消")
        outbox.expire(session, EIGHT + dt.timedelta(hours=3))
    assert sorted(states(engine)) == ["cancelled", "expired", "failed", "sent", "uncertain"]
    assert all(row.reason for row in rows(engine, Delivery) if row.state is not DeliveryState.SENT)


def test_a_paused_series_holds_back_no_other_series(engine: Engine) -> None:
    epoch = rooms(engine)
    with database.transaction(engine) as session:
        for key in (1, 2):
            session.add(
                Series(id=key, key=f"s{key}", name="问答", kind=SeriesKind.QA_DAY,
                       starts=EIGHT.date(), ends=EIGHT.date(), recurrence={}, at=dt.time(20),
                       audience={})
            )  # fmt: skip
        session.flush()
        for key in (1, 2):
            each = intent(1, f"post:s{key}", due=EIGHT + key * SECOND)._replace(series_id=key)
            outbox.plan(session, [each], EIGHT - MINUTE)
        pauses.pause(session, PauseScope.SERIES, 1, "改稿", "小李", EIGHT)
    assert claim(engine, epoch, EIGHT + MINUTE) == [2]


def test_what_its_beginner_knows_counts_after_a_new_login(engine: Engine) -> None:
    epoch = rooms(engine, 2)
    plan(engine, intent(1), intent(2))
    first, second = claim(engine, epoch)
    assert begin(engine, first, epoch)
    assert begin(engine, second, epoch)
    with database.transaction(engine) as session:
        again = leases.take(session, 1, "here:1", EIGHT)
        assert again is not None
        assert outbox.recover(session, 1, again) == (0, 2)
        assert outbox.not_handed_over(session, first, epoch, "通道连不上", EIGHT)
        assert outbox.throttled(session, second, epoch, "操作过于频繁", EIGHT)
    assert states(engine) == [DeliveryState.PENDING] * 2
    assert [row.by for row in rows(engine, Pause)] == ["风控"]


def test_what_is_to_be_sent_again_has_time_for_it(engine: Engine) -> None:
    epoch = rooms(engine)
    plan(engine, intent(1))
    (only,) = claim(engine, epoch)
    assert begin(engine, only, epoch)
    late = EIGHT + dt.timedelta(hours=5)
    with database.transaction(engine) as session:
        outbox.unanswered(session, only, epoch, "超时")
        assert outbox.decide(session, only, Decision.RESEND, "小李", late)
        assert outbox.expire(session, late + MINUTE) == 0
