"""What journals, tables and logs say about each other. Pure; times are seconds since the epoch."""

import re
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.soak.harm import Done

# One batch: what may be read and not committed yet (bot/batches.py).
BATCH = 1_000
# So long before a connection ended somebody may still have waited to commit what he heard; a
# gateway that freezes is found out about after two limits of five seconds.
BEFORE_A_KILL, BEFORE_AN_OUTAGE = 15.0, 30.0
_TOLD = re.compile(r"account (\d+) is (online|offline)")


class Heard(NamedTuple):
    """A stretch in which a process heard an account, and what ended it: killed, stopped or out."""

    account: int
    process: int
    since: float
    until: float
    ended: str


def heard(logs: Mapping[int, Sequence[tuple[float, str]]], done: Iterable[Done]) -> list[Heard]:
    """The stretches, from each process's log (when, what it said) and from what was done to it."""
    ends = [one for one in done if one.what in ("killed", "stopped")]
    found = []
    for process, lines in logs.items():
        told = [(at, match) for at, line in lines if (match := _TOLD.search(line))]
        steps: list[tuple[float, str, int]] = [
            *((at, match[2], int(match[1])) for at, match in told),
            *((one.at, one.what, 0) for one in ends if one.who == process),
        ]
        since: dict[int, float] = {}
        for at, what, account in sorted(steps):
            if what == "online":
                since.setdefault(account, at)
                continue
            over = [account] if what == "offline" else list(since)
            ended = "out" if what == "offline" else what
            for each in over:
                if each in since:
                    found.append(Heard(each, process, since.pop(each), at, ended))
        found += [Heard(each, process, at, float("inf"), "") for each, at in since.items()]
    return found


class Unaccepted(NamedTuple):
    """How many messages that were said are not in the log: `unheard` when nobody was connected,
    `with_kill` by when the kill came, `with_outage` around the end of a connection, `listening`
    when nothing excuses it.
    """

    unheard: int
    with_kill: Mapping[float, int]
    with_outage: int
    listening: Sequence[str]


def unaccepted(
    said: Iterable[tuple[str, float, int]], accepted: Collection[str], stretches: Sequence[Heard]
) -> Unaccepted:
    """Sort what is missing; `said` are (id, when, account)."""
    unheard, with_outage = 0, 0
    with_kill: Counter[float] = Counter()
    listening = []
    for name, at, account in said:
        if name in accepted:
            continue
        during = [one for one in stretches if one.account == account and one.since <= at]
        ends = [one for one in during if at < one.until]
        if not ends:
            unheard += 1
            continue
        last = min(ends, key=lambda one: one.until)
        if last.ended == "killed" and last.until - at <= BEFORE_A_KILL:
            with_kill[last.until] += 1
        elif last.ended in ("out", "stopped") and last.until - at <= BEFORE_AN_OUTAGE:
            with_outage += 1
        else:
            listening.append(name)
    return Unaccepted(unheard, with_kill, with_outage, listening)


def takeovers(
    owners: Sequence[tuple[float, int, str]], killed: Sequence[tuple[float, int]]
) -> list[float]:
    """Seconds from each kill, by when and process id, until somebody else held each account that
    the killed one held.
    """
    waits = []
    for at, process in killed:
        held = {}
        for when, account, owner in owners:
            if when <= at:
                held[account] = owner
        for account, owner in held.items():
            if not owner.endswith(f":{process}"):
                continue
            after = (
                when
                for when, each, by in owners
                if when > at and each == account and by not in ("", owner)
            )
            waits.append(next(after, float("inf")) - at)
    return waits


def twice(posted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What came more than once, of (room, text)."""
    return [each for each, times in Counter(posted).items() if times > 1]


class Growth(NamedTuple):
    """Medians of the second fifth of the samples and of the last one."""

    early: float
    late: float


def growth(samples: Sequence[float]) -> Growth:
    """How samples grew after the first fifth, in which everything is read for the first time."""
    fifth = max(1, len(samples) // 5)
    return Growth(
        statistics.median(samples[fifth : 2 * fifth] or samples),
        statistics.median(samples[-fifth:]),
    )


def complaints(report: Mapping[str, Any]) -> list[str]:
    """What does not hold, in words; empty where everything does."""
    kills = report["lost_with_kill"]
    holds = {
        "a post came twice": not report["doubled"],
        "a message is in the log twice": not report["logged_twice"],
        "a reply came twice": not report["replies_doubled"],
        "a post was called sent and never came, or came and is not listed": not report["lost"],
        "not every post came in the end": report["posts_out"] == report["posts_planned"],
        "an accepted message is gone": not report["accepted_and_gone"],
        "a message was lost while somebody listened": not report["lost_while_listening"],
        "a kill cost more than a batch": max(kills, default=0) <= BATCH,
        "an account was not taken over within 30 s": max(report["takeover_s"], default=0) <= 30,
        "memory grew": report["rss_mb"][1] <= report["rss_mb"][0] * 1.2 + 10,
        "descriptors grew": report["descriptors"][1] <= report["descriptors"][0] + 10,
        "the log was behind at the end": report["lag_s_at_end"] <= 5,
        "a stop took longer than 10 s": max(report["stop_s"]) <= 10,
        "rebuilt figures differ": report["rebuilt_equal"],
    }
    return [what for what, held in holds.items() if not held]
