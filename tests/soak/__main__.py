"""One soak: run, harm, settle, count; prints its report as JSON and exits 1 where it complains."""

import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bot.models import Delivery, DeliveryKind, DeliveryState, MessageIdentity
from tests.faults.installation import ROOT
from tests.faults.installation import now as operators_clock
from tests.saying import rows
from tests.soak import harm, load, settle, verdict, watch
from tests.soak.fleet import ANSWER, GATEWAYS, ROOMS, Fleet, as_time, now, running
from tests.soak.harm import SPARED, Harm
from tests.soak.watch import Watch

# So long the fleet is watched before anything is done to it.
CALM_SECONDS = 10.0
# How often what is said is followed into the log once everything is over.
CLOSING_PROBES = 12
FEWEST_MINUTES = 2
MOST_TRIES = 4


def main() -> int:
    """Run one; the seed is printed and QUNYUN_SOAK_SEED repeats its chance."""
    minutes = float(os.environ.get("QUNYUN_SOAK_MINUTES") or 30)
    if minutes < FEWEST_MINUTES:
        sys.exit(f"QUNYUN_SOAK_MINUTES: at least {FEWEST_MINUTES}, or memory says nothing")
    with_stream = bool(os.environ.get("QUNYUN_SOAK_STREAM"))
    seed = int(os.environ.get("QUNYUN_SOAK_SEED") or random.randrange(1_000_000))
    home = Path(tempfile.mkdtemp(prefix="qunyun-soak-"))
    home.chmod(0o755)
    # Whoever ends it by force must not leave a fleet behind: what is running is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"seed {seed}, {minutes:g} minutes, logs in {home}", file=sys.stderr, flush=True)  # noqa: T201
    with running(home, with_stream=with_stream) as fleet:
        report = asyncio.run(_soak(fleet, minutes, random.Random(seed)))
    report = {"seed": seed, "minutes": minutes, "stream": with_stream, **report}
    report["complaints"] = verdict.complaints(report)
    print(json.dumps(report, ensure_ascii=False, indent=1))  # noqa: T201
    return bool(report["complaints"])


async def _soak(fleet: Fleet, minutes: float, chance: random.Random) -> dict[str, Any]:
    watching, harming = Watch(fleet), Harm(fleet, chance)
    for service in fleet.services:
        service.start()
    await settle.until(lambda: len(_online(fleet)) == GATEWAYS, "every account online")
    load.plan(fleet, int(minutes), operators_clock())
    looking = [
        asyncio.create_task(each)
        for each in (
            watch.memory(watching), watch.owners(watching), watch.acceptance(watching),
            watch.lag(watching, random.Random(chance.random())), _told(fleet, watching, harming),
        )
    ]  # fmt: skip
    talking = [
        asyncio.create_task(load.talk(fleet, n, random.Random(chance.random())))
        for n in range(GATEWAYS)
    ]
    keeping = asyncio.create_task(harm.restarts(harming))
    await asyncio.sleep(CALM_SECONDS)
    hurting = [asyncio.create_task(each) for each in (harm.kills(harming), harm.harms(harming))]
    broken, _ = await asyncio.wait(
        [*looking, *talking, *hurting, keeping],
        timeout=minutes * 60,
        return_when=asyncio.FIRST_COMPLETED,
    )
    await _end(hurting)
    for task in broken:
        # None of them ends by itself.
        task.result()
    ended = now()
    await settle.until(
        lambda: all("at work" in each.log() for each in fleet.services), "all at work"
    )
    for n in range(GATEWAYS):
        await _recovered(watching, n)
    recovered = round(now() - ended, 1)
    decided = await settle.everything(fleet)
    closing = [await watch.probe(watching, n % GATEWAYS, n) for n in range(CLOSING_PROBES)]
    await _end(talking)
    await settle.until(lambda: not any(map(fleet.waiting, range(GATEWAYS))), "every spool empty")
    await _end([*looking, keeping])
    stops = [await asyncio.to_thread(_stopped, fleet, n) for n in range(GATEWAYS)]
    return await asyncio.to_thread(_counted, fleet, watching, harming) | {
        "lag_s_at_end": round(max(watch.PATIENCE_SECONDS if s is None else s for s in closing), 2),
        "recovered_s": recovered,
        "decided": decided,
        "stop_s": stops,
        "rebuilt_equal": await asyncio.to_thread(_rebuilt, fleet),
    }


async def _recovered(watching: Watch, gateway: int) -> None:
    """Until what a gateway says comes into the log again."""
    for _ in range(MOST_TRIES):
        if await watch.probe(watching, gateway, 0) is not None:
            return
    raise AssertionError(f"nothing comes from gateway {gateway} any more")


async def _told(fleet: Fleet, watching: Watch, harming: Harm) -> None:
    """Say every minute how far it is."""
    began = now()
    while True:
        await asyncio.sleep(60)
        lag = watching.lags[-1][1] if watching.lags else None
        rss = {each.service: round(each.megabytes) for each in watching.memory[-GATEWAYS:]}
        minutes, logged = round((now() - began) / 60), len(watching.accepted)
        load = os.getloadavg()[0]
        print(  # noqa: T201  # a run of half an hour that says nothing looks like one that hangs
            f"{minutes} min: {logged} logged, {len(harming.done)} things done, last lag {lag} s,"
            f" MB {rss}, load {load:.1f}",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def _online(fleet: Fleet) -> set[str]:
    said = (line for service in fleet.services for line in service.log().splitlines())
    return {line.partition("account ")[2] for line in said if line.endswith("is online")}


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """End what runs for ever; what failed by itself fails the soak."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _stopped(fleet: Fleet, number: int) -> float:
    began = time.monotonic()
    fleet.services[number].stop()
    return round(time.monotonic() - began, 1)


def _rebuilt(fleet: Fleet) -> bool:
    settings = {
        "QUNYUN_DATABASE_URL": fleet.engine.url.render_as_string(hide_password=False),
        "QUNYUN_HOME": str(fleet.home / "machine0"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bot", "rebuild", "--check"],
        env=os.environ | settings, cwd=ROOT, check=False, capture_output=True,
    )  # fmt: skip
    (fleet.home / "rebuild.txt").write_bytes(done.stdout + done.stderr)
    return done.returncode == 0


def _counted(fleet: Fleet, watching: Watch, harming: Harm) -> dict[str, Any]:
    logged = [row.platform_id for row in rows(fleet.engine, MessageIdentity)]
    said = [
        (str(line["said"]), line["at"] / 1000, fleet.accounts[n])
        for n in range(GATEWAYS)
        for line in fleet.journal(n)
        if "said" in line
    ]
    stretches = verdict.heard(_logs(fleet), harming.done)
    missing = verdict.unaccepted(said, set(logged), stretches)
    accepted = harming.accepted | watching.accepted
    kills = [one for one in harming.done if one.what == "killed"]
    posts, sent = settle.posts(fleet), settle.sent(fleet)
    texts = {row["text"] for row in posts}
    replies = [row for row in rows(fleet.engine, Delivery) if row.kind is DeliveryKind.REPLY]
    begun = sum(row.attempts for row in replies if row.sending_at is not None)
    lives = verdict.by_service(watching.memory)
    # Where nothing ever came, that is the lag.
    lags = sorted(seconds for _, seconds in watching.lags) or [watch.PATIENCE_SECONDS]
    return {
        "rooms": GATEWAYS * ROOMS,
        "kills": len(kills),
        "done": dict(Counter(one.what for one in harming.done)),
        "said": len(said),
        "logged": len(logged),
        "logged_twice": len(logged) - len(set(logged)),
        "accepted_and_gone": len(accepted - set(logged)),
        "seen_in_spools": len(harming.accepted),
        "unheard": missing.unheard,
        "lost_with_kill": list(missing.with_kill.values()),
        "lost_with_outage": missing.with_outage,
        "lost_while_listening": len(missing.listening),
        "posts_planned": len(posts),
        "posts_out": len(texts & set(sent)),
        "doubled": len(verdict.twice(("", text) for text in sent if text in texts)),
        "replies": len(replies),
        "replies_doubled": max(0, sum(ANSWER in text for text in sent) - begun),
        "lost": sum(
            row["state"] is DeliveryState.SENT and row["text"] not in set(sent) for row in posts
        ),
        "takeover_s": [
            round(each, 1)
            for each in verdict.takeovers(
                watching.owners,
                [(one.at, one.process) for one in kills],
                verdict.nobody_could(harming.done),
            )
        ],
        "lag_s": {
            "median": round(statistics.median(lags), 2),
            "p95": round(lags[int(len(lags) * 0.95)], 2),
            "most": round(lags[-1], 2),
        },
        "refused": sum(fleet.refused(n) for n in range(GATEWAYS)),
        "spared": max(lives[SPARED], key=lambda each: each.minutes)._asdict(),
        "mb_per_hour_of_the_killed": [
            (each.minutes, each.mb_per_hour) for n in range(SPARED) for each in lives[n]
        ],
        "load": [round(each, 1) for each in os.getloadavg()],
    }  # fmt: skip


def _logs(fleet: Fleet) -> dict[int, list[tuple[float, str]]]:
    found: dict[int, list[tuple[float, str]]] = {}
    for n in range(GATEWAYS):
        lines = (fleet.home / f"process{n}" / "log.txt").read_text(encoding="utf-8").splitlines()
        found[n] = [(at, line) for line in lines if (at := as_time(line)) is not None]
    return found


if __name__ == "__main__":
    sys.exit(main())
