"""The corrected share that a digest shows, estimated again from what was said and bought."""

import datetime as dt
import math
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy
from scipy import stats
from sqlalchemy import Engine

from bot import database, membership_files
from bot.digest import compose, gather
from bot.digest.findings import Findings
from bot.digest.storing import FLEET
from bot.gateway import Said
from bot.insights import attributing, weights
from bot.membership_files import MembershipRow
from bot.models import Calibration
from bot.orders import catalogue, intake, people
from bot.orders.catalogue import CampaignRow, ProductRow
from bot.orders.intake import OrderRow
from tests import proof
from tests.community import MONDAY, NOW, UNTIL, ZONE
from tests.proof import Known
from tests.saying import record

DAY = dt.timedelta(days=1)
# The fleet's digest estimates on the orders of 28 days.
MONTH = [dt.datetime.combine(on, dt.time(), ZONE) for on in (UNTIL - 28 * DAY, UNTIL)]
BEGAN, ENDED = MONTH[0] - 10 * DAY, MONTH[1]
ROOMS, ORDERS = 30, 80
# What the calibration says: F and R, each with its error.
F, R = (0.8, 0.02), (0.9, 0.03)


class Order(NamedTuple):
    """One line of the shop's, and whether a coupon was used."""

    room: int
    at: dt.datetime
    who: str
    marked: bool


@dataclass
class World:
    """Who named the product where and when, in order, and who bought it."""

    said: dict[int, list[tuple[dt.datetime, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    orders: list[Order] = field(default_factory=list)


def happen() -> World:
    """Thirty rooms that talk of one product, each as much as it does; some orders follow talk.

    In the first room everybody has a coupon, so that nothing of it says what chance does: then the
    share stands on the mirror window alone.
    """
    rng, world = Random(4), World()
    for room in range(ROOMS):
        hours = int((ENDED - BEGAN) / dt.timedelta(hours=1))
        for hour in range(hours):
            while rng.random() < 0.02 + 0.004 * room:
                at = BEGAN + dt.timedelta(hours=hour, seconds=rng.randrange(3_600))
                world.said[room].append((at, rng.choice(["甲", "乙", "丙", *"戊己庚辛壬"])))
        # The log of every room begins and ends with all of them.
        world.said[room] += [(BEGAN + dt.timedelta(seconds=room), "戊"), (ENDED - DAY / 24, "戊")]
        world.said[room].sort()
        for _ in range(ORDERS):
            at = MONTH[0] + (MONTH[1] - MONTH[0]) * rng.random()
            if rng.random() < 0.3:
                at = rng.choice(world.said[room])[0] + dt.timedelta(hours=rng.uniform(0.5, 9))
            at = at.replace(microsecond=0)
            if MONTH[0] <= at < MONTH[1]:
                marked = room == 0 or rng.random() < 0.1
                world.orders.append(Order(room, at, rng.choice("甲乙丙丁"), marked))
    return world


def settle(engine: Engine, world: World) -> None:
    """Tell all of it to the system, through its ways in."""
    with database.transaction(engine) as session:
        catalogue.record_products(session, [ProductRow("RICE", "高铁米粉")])
        given = CampaignRow("双11", "RICE", coupon="C11", starts_at=BEGAN, ends_at=ENDED + DAY)
        assert not catalogue.record_campaigns(session, [given]).faults
    told = [
        Said(f"{room}-{n}", f"r{room}@chatroom", f"{room}{who}", at.astimezone(dt.UTC), "text",
             f"高铁米粉第{n}次", mentions=("nobody",))
        for room, said in world.said.items()
        for n, (at, who) in enumerate(said)
    ]  # fmt: skip
    for start in range(0, len(told), 2_000):
        record(engine, *told[start : start + 2_000])
    listed = [
        MembershipRow(f"r{room}@chatroom", f"{room}{who}", unionid=f"u{room}{who}")
        for room in range(ROOMS)
        for who in "甲乙丙丁"
    ]
    lines = [
        OrderRow(f"O{n}", 1, "RICE", 1, 9_900, one.at, unionid=f"u{one.room}{one.who}",
                 coupon="C11" if one.marked else None)
        for n, one in enumerate(world.orders)
    ]  # fmt: skip
    with database.transaction(engine) as session:
        assert not membership_files.record(session, listed, b"s", NOW).faults
        assert not intake.record(session, lines, "shop", b"s", NOW).faults
        people.resolve(session)
        session.add(
            Calibration(
                version=1, fitted_at=NOW, applies_from=BEGAN, lines=0, rooms=0, found=90, missed=10,
                influence=F[0], influence_error=F[1], recall=R[0], recall_error=R[1],
                median_hours=3, sigma=1, odds=weights.as_json(weights.priors()),
            )
        )  # fmt: skip
    with database.transaction(engine) as session:
        attributing.attribute_all(session, NOW, calibrate=False)


class Seen(NamedTuple):
    """What one line saw (ATTRIBUTION §3)."""

    room: int
    marked: bool
    before: bool
    after: bool
    intensity: float


def look(world: World) -> list[Seen]:
    """What every line saw whose windows lie in the log."""
    first, last = (
        each(at for said in world.said.values() for at, _ in said) for each in (min, max)
    )
    return [
        _seen(world.said[one.room], one, first, last)
        for one in world.orders
        if first <= one.at - DAY and one.at + 2 * DAY <= last
    ]


def _seen(
    said: list[tuple[dt.datetime, str]], one: Order, first: dt.datetime, last: dt.datetime
) -> Seen:
    mine = [at for at, who in said if who == one.who and one.at - DAY <= at < one.at]
    wanted = min(mine, default=one.at)
    others = [at for at, who in said if who != one.who]
    since, until = max(one.at - 14 * DAY, first), min(one.at + 14 * DAY, last)
    near = bisect_left(said, (until, "")) - bisect_left(said, (since, ""))
    return Seen(
        one.room,
        one.marked,
        any(wanted - DAY <= at < wanted for at in others),
        any(one.at < at <= one.at + DAY for at in others),
        near / ((until - since) / DAY),
    )


def mirrored(seen: list[Seen]) -> tuple[float, float]:
    """(π, its standard error): over five strata of talk, the rooms left out one at a time."""
    edges = numpy.quantile([one.intensity for one in seen], [0.2, 0.4, 0.6, 0.8])
    strata = [int(sum(one.intensity > edge for edge in edges)) for one in seen]
    value = _share(seen, strata)
    left = numpy.array(
        [
            _share(
                [one for one in seen if one.room != room],
                [stratum for one, stratum in zip(seen, strata, strict=True) if one.room != room],
            )
            for room in range(ROOMS)
        ]
    )
    error = math.sqrt((ROOMS - 1) / ROOMS * ((left - left.mean()) ** 2).sum())
    return value, math.hypot(error, value * math.hypot(F[1] / F[0], R[1] / R[0]))


def _share(seen: list[Seen], strata: list[int]) -> float:
    total = 0.0
    for stratum in range(5):
        of = [one for one, where in zip(seen, strata, strict=True) if where == stratum]
        clean = [one for one in of if not one.marked]
        hit, chance = (
            sum(each) / max(len(clean), 1)
            for each in zip(*((one.before, one.after) for one in clean), strict=True)
        )
        excess = (hit - chance) / max(1 - chance, 0.02)
        # Nothing is promoted in any room: m is 0.
        total += len(of) / len(seen) * excess * len(clean) / max(len(of), 1)
    return total / (F[0] * R[0])


def test_the_corrected_share_of_a_digest_is_estimated_again(engine: Engine, tmp_path: Path) -> None:
    world = happen()
    settle(engine, world)
    with database.reading(engine) as session:
        findings = Findings(gather.gather(session, MONDAY, NOW, ZONE))
        (sheet,) = compose.sheets(session, findings, [FLEET])
    seen = look(world)
    assert len(seen) > 2_000
    value, error = mirrored(seen)
    wide = float(stats.t(ROOMS - 1).ppf(0.975)) * error
    low, high = (100 * min(max(end, 0), 1) for end in (value - wide, value + wide))
    clean = [one for one in seen if not one.marked]
    hit, chance = (
        100 * sum(each) / len(clean)
        for each in zip(*((one.before, one.after) for one in clean), strict=True)
    )
    known = Known()
    span = (95, low, high)
    known.figure(
        "organic_share", value,
        "#%（#% 区间 #%–#%；付款前 # 小时有人提到 #%，付款后（碰巧）#%；# 行）",
        *(100 * value, *span, 24, hit, chance, len(seen)),
    )  # fmt: skip
    short = "群聊带来（校正后，# 天） #%（#% 区间 #%–#%）"
    known.say(short, 28, 100 * value, *span)
    (part,) = (part for part in sheet.sections if part.key == "orders")
    (figure,) = (figure for figure in part.figures if figure.key == "organic_share")
    share = part.brief[-1:]
    alone = replace(part, lead=None, brief=share, figures=(figure,), charts=(), remarks=())
    shown = replace(
        sheet, title="", period="", status="", headline=(), actions=(), gist="", sections=(alone,)
    )
    assert proof.prove(shown, known) > 8
    assert 0.05 < value < 0.95
    assert {"organic_share", short} <= known.seen
