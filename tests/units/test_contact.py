"""Rules of contact: each rule, who gives way to whom, and what holds whatever is asked."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models import SeriesKind
from bot.pacing import Pace
from bot.settings import Settings
from content_calendar import contact
from content_calendar.contact import Claim, Rules
from tests.saying import SHANGHAI, local

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
PACE = Pace((3, 5), 1, 40, 2000, 2, 0, None, SHANGHAI)
RULES = Rules(SHANGHAI, PACE)
PROMO = SeriesKind.PROMO


def wants(
    series: str,
    at: str = "2026-11-11 20:00",
    *,
    kind: SeriesKind = SeriesKind.QA_DAY,
    priority: int = 5,
    step: str = "开场",
    messages: int = 1,
    planned: bool = False,
) -> Claim:
    """One step that wants the room at a moment of Shanghai's wall clock."""
    day = dt.date.fromisoformat(at[:10])
    return Claim(series, kind, priority, step, local(at), day, messages, planned)


def a_day(most: int) -> Rules:
    """So many posts per room and day."""
    return replace(RULES, pace=replace(PACE, per_room_day=most))


def gives_way(claims: Iterable[Claim], rules: Rules = RULES, quota: int | None = None) -> list[str]:
    """The series that give way, in order of time."""
    return [claim.series for claim in contact.decide(claims, rules, quota=quota)]


def test_the_settings_give_the_rules_and_gap_and_share_are_off_at_first() -> None:
    rules = contact.rules(Settings(_env_file=None))
    assert (rules.gap, rules.promo_share, rules.four_eyes_rooms) == (dt.timedelta(), None, 500)
    strict = contact.rules(Settings(_env_file=None, room_post_gap_minutes=30, promo_share=0.3))
    assert (strict.gap, strict.promo_share) == (30 * MINUTE, 0.3)
    together = [wants(name, kind=PROMO) for name in "ab"]
    assert gives_way(together) == []


def test_a_room_that_has_had_its_share_of_the_day_gets_no_more() -> None:
    claims = [
        wants(name, f"2026-11-11 {hour}:00")
        for name, hour in zip("abc", ("09", "10", "11"), strict=True)
    ]
    ((refused, reason),) = contact.decide(claims, RULES).items()
    assert refused.series == "c"
    assert "2026-11-11" in reason
    assert "2 条" in reason
    assert gives_way([*claims[:2], wants("c", "2026-11-12 00:00")]) == []


def test_the_day_of_a_limit_is_the_rooms_own() -> None:
    late = wants("c", "2026-11-11 23:30")
    berlin = replace(late, day=dt.date(2026, 11, 12))
    others = [wants("a"), wants("b")]
    assert gives_way([*others, late]) == ["c"]
    assert gives_way([*others, berlin]) == []


def test_every_message_of_a_post_counts_and_a_smaller_one_may_still_fit() -> None:
    claims = [
        wants("a", "2026-11-11 09:00"),
        wants("b", "2026-11-11 10:00", messages=2),
        wants("c", "2026-11-11 11:00"),
    ]
    assert gives_way(claims) == ["b"]


def test_the_more_important_goes_first_though_it_comes_later() -> None:
    early, late = wants("a", "2026-11-11 09:00"), wants("b", "2026-11-11 20:00", priority=9)
    assert gives_way([early, late], a_day(1)) == ["a"]


def test_of_equals_the_earlier_goes_then_the_first_by_name() -> None:
    assert gives_way([wants("a", "2026-11-11 20:00"), wants("b", "2026-11-11 19:59")], a_day(1)) == ["a"]  # fmt: skip
    assert gives_way([wants("b"), wants("a")], a_day(1)) == ["b"]
    steps = [wants("a", step="开场"), wants("a", step="总结")]
    (refused,) = contact.decide(reversed(steps), a_day(1))
    assert refused.step == max("开场", "总结")


def test_what_is_planned_never_gives_way_whatever_is_more_important() -> None:
    planned = wants("a", priority=1, planned=True)
    assert gives_way([planned, wants("b", "2026-11-11 08:00", priority=9)], a_day(1)) == ["b"]
    full = [replace(planned, step=str(n)) for n in range(3)]
    blackout = frozenset({planned.day})
    assert contact.decide(full, a_day(1), blackout=blackout, quota=1) == {}


def test_two_series_keep_their_distance_and_one_series_need_not() -> None:
    rules = replace(a_day(9), gap=30 * MINUTE)
    first = wants("a", "2026-11-11 20:00")
    ((_, reason),) = contact.decide([first, wants("b", "2026-11-11 20:29")], rules).items()
    assert "a·开场" in reason
    assert "30 分钟" in reason
    assert gives_way([first, wants("b", "2026-11-11 20:30")], rules) == []
    assert gives_way([first, wants("b", "2026-11-11 19:31", priority=4)], rules) == ["b"]
    assert gives_way([first, wants("a", "2026-11-11 20:01", step="提醒")], rules) == []


def test_a_gap_reaches_over_midnight() -> None:
    rules = replace(RULES, gap=30 * MINUTE)
    claims = [wants("a", "2026-11-11 23:50"), wants("b", "2026-11-12 00:10")]
    assert gives_way(claims, rules) == ["b"]


def test_what_gave_way_takes_no_place_from_the_next() -> None:
    rules = replace(a_day(9), gap=30 * MINUTE)
    claims = [wants("a", "2026-11-11 20:00"), wants("b", "2026-11-11 20:20"), wants("c", "2026-11-11 20:40")]  # fmt: skip
    assert gives_way(claims, rules) == ["b"]


def test_promos_take_no_more_than_their_share_of_a_week() -> None:
    rules = replace(a_day(9), promo_share=0.5)
    promos = [wants(f"p{n}", f"2026-11-{9 + n:02} 20:00", kind=PROMO) for n in range(3)]
    others = [wants(f"q{n}", f"2026-11-{9 + n:02} 12:00") for n in range(2)]
    ((refused, reason),) = contact.decide([*promos, *others], rules).items()
    assert refused.series == "p2"
    assert "50%" in reason
    next_week = replace(promos[2], due_at=local("2026-11-16 20:00"), day=dt.date(2026, 11, 16))
    alone = contact.decide([*promos[:2], *others, next_week], rules)
    assert list(alone) == [next_week]
    assert gives_way(promos, replace(rules, promo_share=0.0)) == ["p0", "p1", "p2"]
    assert gives_way(promos, replace(rules, promo_share=1.0)) == []


def test_promos_are_measured_against_what_goes_out_and_not_against_what_is_wanted() -> None:
    rules = replace(a_day(9), promo_share=0.5)
    promo = wants("p", "2026-11-11 20:00", kind=PROMO)
    blacked_out = wants("q", "2026-11-12 20:00")
    refused = contact.decide([promo, blacked_out], rules, blackout=frozenset({blacked_out.day}))
    assert set(refused) == {promo, blacked_out}, "the promo would be all that the room gets"


def test_the_platforms_quota_is_counted_by_month() -> None:
    claims = [
        wants(name, f"2026-11-{day} 20:00") for name, day in (("a", 11), ("b", 18), ("c", 25))
    ]
    refused = contact.decide([*claims, wants("d", "2026-12-02 20:00")], RULES, quota=2)
    assert [claim.series for claim in refused] == ["c"]
    assert "每月最多 2 条" in refused[claims[2]]
    assert gives_way([wants("a", messages=2)], quota=1) == ["a"]
    assert gives_way([wants("a")], quota=0) == ["a"]


def test_nothing_goes_out_on_a_blackout_date() -> None:
    claims = [wants("a", priority=9), wants("b", "2026-11-12 20:00")]
    refused = contact.decide(claims, RULES, blackout=frozenset({claims[0].day}))
    assert list(refused) == [claims[0]]
    assert "停发日" in refused[claims[0]]


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2026-11-09", "2026-11-09"), ("2026-11-15", "2026-11-09"), ("2027-01-01", "2026-12-28")],
)
def test_a_week_begins_on_monday(day: str, monday: str) -> None:
    assert contact.week_of(dt.date.fromisoformat(day)) == dt.date.fromisoformat(monday)


# Minutes from a Saturday evening at the end of a month into the week after it.
MOMENTS = st.integers(0, 84 * 60).map(
    lambda minutes: local("2026-11-28 18:00").astimezone(SHANGHAI) + minutes * MINUTE
)


@st.composite
def claims_on_a_room(draw: st.DrawFn) -> list[Claim]:
    """Up to ten steps around the end of a month, each asked for once."""
    found = {}
    for moment in draw(st.lists(MOMENTS, max_size=10)):
        series, step = draw(st.sampled_from("abcd")), draw(st.sampled_from(["预告", "开场"]))
        at = f"{moment:%Y-%m-%d %H:%M}"
        kind = PROMO if series in "ab" else SeriesKind.QA_DAY
        found[series, step, at] = replace(
            wants(series, at, kind=kind, step=step, messages=draw(st.integers(1, 2))),
            priority=draw(st.integers(4, 6)),
            planned=draw(st.booleans()),
        )
    return list(found.values())


@st.composite
def rules_of_a_house(draw: st.DrawFn) -> Rules:
    """A limit a day, perhaps a gap; no share of promos, which has a test of its own."""
    gap = draw(st.sampled_from([0, 30, 600])) * MINUTE
    return replace(a_day(draw(st.integers(1, 4))), gap=gap)


BLACKOUTS = st.frozensets(st.dates(dt.date(2026, 11, 28), dt.date(2026, 12, 2)), max_size=2)
QUOTAS = st.none() | st.integers(0, 5)


@given(claims_on_a_room(), rules_of_a_house(), BLACKOUTS, QUOTAS)
def test_what_is_accepted_breaks_no_rule(
    claims: list[Claim], rules: Rules, blackout: frozenset[dt.date], quota: int | None
) -> None:
    refused = contact.decide(claims, rules, blackout=blackout, quota=quota)
    accepted = [claim for claim in claims if claim not in refused]
    assert not any(claim.planned for claim in refused)
    by_day, by_month = Counter[dt.date](), Counter[int]()
    for claim in accepted:
        by_day[claim.day] += claim.messages
        by_month[claim.day.month] += claim.messages
    for claim in accepted:
        if claim.planned:
            continue
        assert claim.day not in blackout
        assert by_day[claim.day] <= rules.pace.per_room_day
        assert quota is None or by_month[claim.day.month] <= quota
        for other in accepted:
            near = abs(other.due_at - claim.due_at) < rules.gap
            assert not (near and other.series != claim.series)


@given(claims_on_a_room(), st.sampled_from([0.0, 0.25, 0.5, 1.0]), BLACKOUTS)
def test_accepted_promos_are_within_their_share_of_what_goes_out(
    claims: list[Claim], share: float, blackout: frozenset[dt.date]
) -> None:
    rules = replace(a_day(3), promo_share=share)
    refused = contact.decide(claims, rules, blackout=blackout)
    accepted = [claim for claim in claims if claim not in refused]
    every, promos = Counter[dt.date](), Counter[dt.date]()
    for claim in accepted:
        every[contact.week_of(claim.day)] += claim.messages
        if claim.kind is PROMO:
            promos[contact.week_of(claim.day)] += claim.messages
    decided = {
        contact.week_of(each.day) for each in accepted if each.kind is PROMO and not each.planned
    }
    assert all(promos[week] <= share * every[week] for week in decided)


@given(claims_on_a_room(), rules_of_a_house(), BLACKOUTS, QUOTAS, st.randoms(use_true_random=False))
def test_the_order_in_which_claims_are_given_does_not_matter(
    claims: list[Claim],
    rules: Rules,
    blackout: frozenset[dt.date],
    quota: int | None,
    random: Random,
) -> None:
    decided = contact.decide(claims, rules, blackout=blackout, quota=quota)
    mixed = sorted(claims, key=lambda _: random.random())
    assert contact.decide(mixed, rules, blackout=blackout, quota=quota) == decided


@given(claims_on_a_room(), rules_of_a_house(), BLACKOUTS, QUOTAS)
def test_without_a_claim_that_gave_way_all_others_fare_the_same(
    claims: list[Claim], rules: Rules, blackout: frozenset[dt.date], quota: int | None
) -> None:
    decided = contact.decide(claims, rules, blackout=blackout, quota=quota)
    for gone in decided:
        rest = [claim for claim in claims if claim is not gone]
        again = contact.decide(rest, rules, blackout=blackout, quota=quota)
        assert again == {claim: why for claim, why in decided.items() if claim is not gone}


@given(claims_on_a_room(), rules_of_a_house(), BLACKOUTS, QUOTAS)
def test_what_gives_way_is_told_in_order_of_time_each_with_a_reason(
    claims: list[Claim], rules: Rules, blackout: frozenset[dt.date], quota: int | None
) -> None:
    decided = contact.decide(claims, rules, blackout=blackout, quota=quota)
    moments = [claim.due_at for claim in decided]
    assert moments == sorted(moments)
    assert all(decided.values())
