"""What the soak says of journals, logs and samples: it must be able to complain."""

from typing import Any

from tests.soak import verdict
from tests.soak.harm import Done
from tests.soak.verdict import Sample

WELL: dict[str, Any] = {
    "doubled": 0, "logged_twice": 0, "replies_doubled": 0, "lost": 0, "posts_out": 300,
    "posts_planned": 300, "accepted_and_gone": 0, "lost_while_listening": 0, "lost_with_kill": [12],
    "takeover_s": [4.0, 21.5], "refused": 0,
    "spared": {"megabytes": (140.0, 151.0), "descriptors": (40.0, 41.0)},
    "lag_s_at_end": 0.3, "stop_s": [1.0, 2.0, 9.9], "rebuilt_equal": True,
}  # fmt: skip
ILL = {
    "doubled": 1, "logged_twice": 1, "replies_doubled": 1, "lost": 1, "posts_out": 299,
    "accepted_and_gone": 1, "lost_while_listening": 1, "lost_with_kill": [1_001],
    "takeover_s": [30.5], "refused": 1,
    "lag_s_at_end": 5.1, "stop_s": [10.1], "rebuilt_equal": False,
}  # fmt: skip


def test_each_thing_that_is_wrong_is_one_complaint() -> None:
    assert verdict.complaints(WELL) == []
    for name, value in ILL.items():
        assert len(verdict.complaints(WELL | {name: value})) == 1, name
    grown = (
        WELL["spared"] | {"megabytes": (140.0, 153.0)},
        WELL["spared"] | {"descriptors": (40.0, 45.5)},
    )
    for spared in grown:
        assert len(verdict.complaints(WELL | {"spared": spared})) == 1, spared


def test_what_is_missing_is_told_apart_by_who_listened() -> None:
    logs = {
        0: [(10.0, "INFO account 1 is online")],
        1: [(40.0, "INFO account 1 is online"), (50.0, "WARNING account 1 is offline")],
    }
    stretches = verdict.heard(logs, [Done(30.0, "killed", 0, 4711)])
    assert [(one.since, one.until, one.ended) for one in stretches] == [
        (10.0, 30.0, "killed"),
        (40.0, 50.0, "out"),
    ]
    said = [
        ("early", 5.0, 1),
        ("heard", 12.0, 1),
        ("deaf", 13.0, 1),
        ("last", 29.5, 1),
        ("gap", 35.0, 1),
        ("out", 49.0, 1),
    ]
    found = verdict.unaccepted(said, {"heard"}, stretches)
    assert found.unheard == 2
    assert dict(found.with_kill) == {30.0: 1}
    assert found.with_outage == 1
    assert list(found.listening) == ["deaf"]


def test_a_take_over_is_the_time_until_somebody_else_holds_the_account() -> None:
    owners = [(0.0, 1, "host:10"), (0.0, 2, "host:20"), (31.0, 1, ""), (42.5, 1, "host:20")]
    assert verdict.takeovers(owners, [(30.0, 10)]) == [12.5]
    assert verdict.takeovers(owners, [(60.0, 10)]) == []
    done = [
        Done(32.0, "database stopped", 0), Done(36.5, "database back", 0),
        Done(40.0, "process frozen", 2), Done(60.0, "process thawed", 2),
    ]  # fmt: skip
    assert verdict.nobody_could(done) == [(32.0, 36.5), (40.0, 60.0)]
    assert verdict.takeovers(owners, [(30.0, 10)], verdict.nobody_could(done)) == [5.5]


def test_what_came_more_than_once_is_named() -> None:
    assert verdict.twice([("甲", "早"), ("乙", "早"), ("甲", "早")]) == [("甲", "早")]


def test_memory_is_a_line_through_each_process_from_its_second_minute_on() -> None:
    leaking = [Sample(10.0 * n, 0, 11, 300 + max(0, n - 6) * 0.5, 20) for n in range(67)]
    steady = [Sample(10.0 * n, 0, 12, 300 + n % 2, 20) for n in range(700, 760)]
    short = [Sample(10.0 * n, 1, 13, 300, 20) for n in range(8)]
    found = verdict.by_service([*leaking, *steady, *short])
    assert set(found) == {0}
    first, second = found[0]
    assert (first.minutes, first.megabytes, first.mb_per_hour) == (10.0, (300.0, 330.0), 180.0)
    assert second.megabytes[1] - second.megabytes[0] < 0.5
    assert second.descriptors == (20.0, 20.0)
