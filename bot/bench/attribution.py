"""`qunyun bench attribution`: the estimators where the truth is planted, and how long it takes."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
from sqlalchemy import Engine, select

from bot import database
from bot.bench import attribution_speed, databases
from bot.bench.worlds import naive, recorded, stored
from bot.bench.worlds.catalogue import WORLDS, World
from bot.bench.worlds.tables import Cause, Story
from bot.errors import Fault, InvalidInput
from bot.insights import (
    attributing,
    chronicle,
    classing,
    mirror,
    shares,
    sights,
    waves,
    weights,
)
from bot.insights.arrays import Floats, Record
from bot.insights.estimates import Estimate
from bot.models import Attribution, OrderLine

# Worlds in which the estimators' assumptions hold: coverage and width are pooled over them.
OUTSIDE = ("outside-events", "outside-events-large")
NOTE = "worlds are ours: no proof of how a real community behaves"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the estimators say of one seed of a world, and what is true; fractions of all orders.

    `apart`: the two estimates differ beyond their intervals. `warned`: of outside events.
    """

    orders: int
    organic: float
    promo: float
    base: float
    waves: Estimate
    mirror: Estimate
    promo_said: Estimate
    last_touch: float
    warned: bool = False

    @property
    def apart(self) -> bool:
        """Whether the two intervals have nothing in common."""
        return self.waves.low > self.mirror.high or self.mirror.low > self.waves.high


def measure(
    worlds: Sequence[str], seeds: int, seed_base: int, kind: str, *, tables: bool, speed: bool
) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `attribution`. The machine's keys are the
    caller's. Errors and widths are in points.

    Every seed of every world is judged by columns; `tables` writes the first seed of each into a
    database of this `kind`, too, classes and reads it there, and says how far the estimates are
    from those of the columns.
    """
    unknown = [name for name in worlds if name not in WORLDS]
    if unknown:
        remedy = "one of " + ", ".join(WORLDS)
        raise InvalidInput(Fault("--worlds", 0, "", f"no world {unknown[0]}", remedy))
    began = time.perf_counter()
    found = {
        name: [judge(*_told(WORLDS[name], seed_base + n)) for n in range(seeds)] for name in worlds
    }
    told: dict[str, object] = {
        "seeds": seeds,
        "seed_base": seed_base,
        "note": NOTE,
        "worlds": {name: summary(judged) for name, judged in found.items()},
        "pooled": pooled(
            [one for name, judged in found.items() if name not in OUTSIDE for one in judged]
        ),
    }
    if tables:
        told["tables"] = {
            name: _beside(WORLDS[name], seed_base, found[name][0], kind) for name in worlds
        }
    if speed:
        told["speed"] = attribution_speed.measure(kind, seed_base)
    return told | {"seconds": round(time.perf_counter() - began, 1)}


def judge(happened: Story, record: Record, marks: Estimate) -> Judged:
    """Run every estimator over one world."""
    seen = sights.observe(record)
    by_lags = waves.shares(record, seen, marks)
    if by_lags is None:
        raise InvalidInput(Fault(happened.world.name, 0, "", "too few rooms", "30 rooms or more"))
    made, kernel = by_lags
    causes = np.bincount(happened.orders.cause, minlength=len(Cause)) / len(happened.orders.at)
    return Judged(
        orders=len(happened.orders.at),
        organic=float(causes[Cause.ORGANIC]),
        promo=float(causes[Cause.PROMO]),
        base=float(causes[Cause.BASE]),
        waves=made.organic,
        mirror=mirror.shares(seen, kernel.influence, marks).organic,
        promo_said=made.promo,
        last_touch=naive.last_touch(record),
        warned=made.hump >= shares.HUMP,
    )


def summary(judged: Sequence[Judged]) -> dict[str, object]:
    """One world's figures over its seeds."""
    organic = np.array([one.organic for one in judged])
    promo = np.array([one.promo for one in judged])
    naively = np.array([one.last_touch for one in judged])
    return {
        "true": {
            "organic": _points(organic.mean()),
            "promo": _points(promo.mean()),
            "base": _points(np.mean([one.base for one in judged])),
        },
        "orders": round(float(np.mean([one.orders for one in judged]))),
        "waves": _errors([one.waves for one in judged], organic),
        "mirror": _errors([one.mirror for one in judged], organic),
        "promo": _errors([one.promo_said for one in judged], promo),
        "last_touch": {
            "bias": _points((naively - organic).mean()),
            "mae": _points(np.abs(naively - organic).mean()),
            "coverage": None,
            "width": None,
        },
        "apart": round(float(np.mean([one.apart for one in judged])), 3),
        "warned": round(float(np.mean([one.warned for one in judged])), 3),
    }


def pooled(judged: Sequence[Judged]) -> dict[str, object] | None:
    """Coverage and width over all seeds of the worlds in which the assumptions hold."""
    if not judged:
        return None
    truth = np.array([one.organic for one in judged])
    kept = ("coverage", "width")
    both = {
        "waves": _errors([one.waves for one in judged], truth),
        "mirror": _errors([one.mirror for one in judged], truth),
    }
    return {name: {key: each[key] for key in kept} for name, each in both.items()}


def _errors(said: Sequence[Estimate], truth: Floats) -> dict[str, float]:
    values, low, high = (
        np.array([getattr(one, name) for one in said]) for name in ("value", "low", "high")
    )
    return {
        "bias": _points((values - truth).mean()),
        "mae": _points(np.abs(values - truth).mean()),
        "coverage": round(float(((low <= truth) & (truth <= high)).mean()), 3),
        "width": _points(np.median(high - low)),
    }


def _points(share: SupportsFloat) -> float:
    return round(float(share) * 100, 2)


def _told(world: World, seed: int) -> tuple[Story, Record, Estimate]:
    happened, perceived, marks = recorded.happened(world, seed)
    return happened, recorded.record(happened, perceived), marks


def _beside(world: World, seed: int, judged: Judged, kind: str) -> dict[str, object]:
    """How far estimates from real tables are from those of the columns, in points; and how often
    the evidence of one order is right.
    """
    happened, perceived, marks = recorded.happened(world, seed)
    now = stored.end(world) + dt.timedelta(days=4)
    with databases.empty(kind) as url:
        engine = database.connect(url)
        try:
            with database.transaction(engine) as session:
                stored.store(session, happened, perceived)
            with database.transaction(engine) as session:
                classing.class_new(session, stored.end(world))
            with database.reading(engine) as session:
                again = judge(happened, chronicle.gather(session, None, None), marks)
            told = [_believed(engine, happened, now, calibrate=fitted) for fitted in (False, True)]
        finally:
            engine.dispose()
    return {
        "waves": _points(again.waves.value - judged.waves.value),
        "mirror": _points(again.mirror.value - judged.mirror.value),
        "last_touch": _points(again.last_touch - judged.last_touch),
        "priors": told[0],
        "em": told[1],
    }


def _believed(
    engine: Engine, happened: Story, now: dt.datetime, *, calibrate: bool
) -> dict[str, object]:
    """What the evidence of each order says of talk, beside what is true: bias of the mean in
    points, the mean squared error (Brier), and by tenths said, right, and lines.
    """
    told, line = database.tables(Attribution, OrderLine)
    with database.transaction(engine) as session:
        attributing.attribute_all(session, now, calibrate=calibrate)
        rows = session.connection().execute(
            select(line.c.order_id, told.c.ppm_organic)
            .join(line, line.c.id == told.c.order_line_id)
            .where(told.c.ppm_organic.is_not(None))
        )
        found = [(stored.number(name), ppm) for name, ppm in rows]
    order, ppm = np.array(found, np.int64).reshape(-1, 2).T
    said = ppm / weights.WHOLE
    right = happened.orders.cause[order] == Cause.ORGANIC
    tenth = np.minimum((said * 10).astype(np.int64), 9)
    return {
        "bias": _points(said.mean() - right.mean()),
        "brier": round(float(((said - right) ** 2).mean()), 4),
        "tenths": [
            (_points(said[at].mean()), _points(right[at].mean()), int(at.sum()))
            for at in (tenth == each for each in range(10))
            if at.any()
        ],
    }
