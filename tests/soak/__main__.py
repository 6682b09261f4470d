"""One soak: run, harm, settle, count; prints its report as JSON and exits 1 where it complains."""

import asyncio
import json
import os
import random
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
from tests.soak.fleet import ANSWER, GATEWAYS, ROOMS, Fleet, as_time, running
from tests.soak.harm import Harm
from tests.soak.watch import Watch

# So long the fleet is watched before and after anything is done to it.
CALM_SECONDS = 10.0


def main() -> int:
    """Run one; the seed is printed and QUNYUN_SOAK_SEED repeats its chance."""
    minutes = float(os.environ.get("QUNYUN_SOAK_MINUTES") or 30)
    with_stream = bool(os.environ.get("QUNYUN_SOAK_STREAM"))
    seed = int(os.environ.get("QUNYUN_SOAK_SEED") or random.randrange(1_000_000))
    home = Path(tempfile.mkdtemp(prefix="qunyun-soak-"))
    home.chmod(0o755)
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
    load.plan(fleet, max(1, int(minutes) // 3), operators_clock())
    looking = [
        asyncio.create_task(each)
        for each in (
            watch.memory(watching), watch.owners(watching), watch.acceptance(watching),
            watch.lag(watching, random.Random(chance.random())),
        )
    ]  # fmt: skip
    talking = [
        asyncio.create_task(load.talk(fleet, n, random.Random(chance.random())))
        for n in range(GATEWAYS)
    ]
    keeping = asyncio.create_task(harm.restarts(harming))
    await asyncio.sleep(CALM_SECONDS)
    hurting = [asyncio.create_task(each) for each in (harm.kills(harming), harm.harms(harming))]
    await asyncio.wait(
        [*looking, *talking, *hurting, keeping],
        timeout=minutes * 60,
        return_when=asyncio.FIRST_COMPLETED,
    )
    await _end(hurting)
    decided = await settle.everything(fleet)
    await asyncio.sleep(CALM_SECONDS)
    await _end(talking)
    await settle.until(lambda: not any(map(fleet.waiting, range(GATEWAYS))), "every spool empty")
    # One that has only just been started knows no SIGTERM yet.
    await settle.until(
        lambda: all("at work" in each.log() for each in fleet.services), "all at work"
    )
    await _end([*looking, keeping])
    stops = [await asyncio.to_thread(_stopped, fleet, n) for n in range(GATEWAYS)]
    return _counted(fleet, watching, harming) | {
        "decided": decided,
        "stop_s": stops,
        "rebuilt_equal": await asyncio.to_thread(_rebuilt, fleet),
    }


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
        env=os.environ | settings, cwd=ROOT, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
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
                watching.owners, [(one.at, one.process) for one in kills]
            )
        ],
        "lag_s": {
            "median": round(statistics.median(lags), 2),
            "p95": round(lags[int(len(lags) * 0.95)], 2),
            "most": round(lags[-1], 2),
        },
        "lag_s_at_end": round(watching.lags[-1][1], 2) if watching.lags else lags[-1],
        "rss_mb": [round(each, 1) for each in verdict.growth([m for _, m, _ in watching.memory])],
        "descriptors": list(verdict.growth([float(n) for _, _, n in watching.memory])),
    }  # fmt: skip


def _logs(fleet: Fleet) -> dict[int, list[tuple[float, str]]]:
    found: dict[int, list[tuple[float, str]]] = {}
    for n in range(GATEWAYS):
        lines = (fleet.home / f"process{n}" / "log.txt").read_text(encoding="utf-8").splitlines()
        found[n] = [(at, line) for line in lines if (at := as_time(line)) is not None]
    return found


if __name__ == "__main__":
    sys.exit(main())
