"""What journals, tables and logs say about each other. Pure; times are seconds since the epoch."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.soak.harm import Done

# One batch: what may be read and not committed yet (bot/batches.py).
BATCH = 1_000
# So long before a connection ended somebody may still have waited to commit what he heard; a
# gateway that freezes is found out about after two limits of five seconds.
BEFORE_A_KILL, BEFORE_AN_OUTAGE = 15.0, 30.0
# In its first minute a process reads everything for the first time; fewer samples say nothing.
WARMING_SECONDS, FEWEST_SAMPLES = 60.0, 6
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


def nobody_could(done: Sequence[Done]) -> list[tuple[float, float]]:
    """When nobody could take over: no database, or the one that is left frozen. In order."""
    ends = {"database stopped": "database back", "process frozen": "process thawed"}
    found = []
    for number, one in enumerate(done):
        if one.what in ends:
            after = (each.at for each in done[number:] if each.what == ends[one.what])
            found.append((one.at, next(after, float("inf"))))
    return found


def takeovers(
    owners: Sequence[tuple[float, int, str]],
    killed: Sequence[tuple[float, int]],
    outages: Sequence[tuple[float, float]] = (),
) -> list[float]:
    """Seconds from each kill, by when and process id, until somebody else held each account that
    the killed one held; without the outages, in which nobody could.
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
            until = next(after, float("inf"))
            out = sum(max(0.0, min(until, end) - max(at, since)) for since, end in outages)
            waits.append(until - at - out)
    return waits


def twice(posted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What came more than once, of (room, text)."""
    return [each for each, times in Counter(posted).items() if times > 1]


class Sample(NamedTuple):
    """What a process took: which service it is, its id, resident megabytes, open descriptors."""

    at: float
    service: int
    process: int
    megabytes: float
    descriptors: int


class Life(NamedTuple):
    """One process from its second minute on: a straight line through what it took.

    `minutes` is how long it was looked at, `megabytes` where the line begins and ends.
    """

    service: int
    minutes: float
    megabytes: tuple[float, float]
    mb_per_hour: float
    descriptors: tuple[float, float]


def by_service(samples: Sequence[Sample]) -> dict[int, list[Life]]:
    """The processes of each service that were looked at for so long that a line means something."""
    found: dict[int, list[Life]] = defaultdict(list)
    processes: dict[int, list[Sample]] = defaultdict(list)
    for each in samples:
        processes[each.process].append(each)
    for theirs in processes.values():
        begun = theirs[0].at + WARMING_SECONDS
        warm = [each for each in theirs if each.at >= begun]
        if len(warm) >= FEWEST_SAMPLES:
            found[theirs[0].service].append(_life(warm))
    return found


def _life(samples: Sequence[Sample]) -> Life:
    hours = [(each.at - samples[0].at) / 3600 for each in samples]
    memory = statistics.linear_regression(hours, [each.megabytes for each in samples])
    files = statistics.linear_regression(hours, [float(each.descriptors) for each in samples])
    return Life(
        samples[0].service,
        round(hours[-1] * 60, 1),
        (_on(memory, 0), _on(memory, hours[-1])),
        round(memory.slope, 1),
        (_on(files, 0), _on(files, hours[-1])),
    )


def _on(line: statistics.LinearRegression, at: float) -> float:
    return round(line.intercept + line.slope * at, 1)


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
        "an event was refused": not report["refused"],
        "a kill cost more than a batch": max(kills, default=0) <= BATCH,
        "an account was not taken over within 30 s": max(report["takeover_s"], default=0) <= 30,
        "memory grew": _is_flat(report["spared"]["megabytes"], 0.05, 5),
        "descriptors grew": _is_flat(report["spared"]["descriptors"], 0, 5),
        "the log was behind at the end": report["lag_s_at_end"] <= 5,
        "a stop took longer than 10 s": max(report["stop_s"]) <= 10,
        "rebuilt figures differ": report["rebuilt_equal"],
    }
    return [what for what, held in holds.items() if not held]


def _is_flat(ends: Sequence[float], share: float, more: float) -> bool:
    return ends[1] <= ends[0] * (1 + share) + more
