"""What members buy, and why: the truth that attribution is later held against.

Planted: every message of a member that names a product makes, with a small chance, somebody buy
it who was there; promotions make orders; the rest would have come anyway. Some of these ask
before they buy, some show afterwards what they bought, some use a coupon that did not move them.
"""

import datetime as dt
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.demo import community, content, threads
from bot.demo import stage as stages
from bot.demo.community import EMPTY, Community, Member, Room
from bot.demo.content import Product, Promo
from bot.demo.stage import Spoken, Stage

ORDERS_PER_MENTION: Final = 0.11
ORDERS_PER_PROMO: Final = 1.9
BASE_ORDERS_A_DAY: Final = 1.05
_ASKS_FIRST: Final = 0.25
_SHOWS_AFTER: Final = 0.15
# Some say that they are tempted before they buy; the others have only read.
_SAYS_SO: Final = 0.5
_TAKES_A_COUPON: Final = 0.3
_REFUNDED: Final = 0.06
_RETURNED_IN_PART: Final = 0.02


class Cause(StrEnum):
    """Why an order came about, as planted."""

    ORGANIC = "organic"
    PROMO = "promo"
    BASE = "base"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order of one SKU. `message` is what caused it, "" for base; amounts are fen."""

    buyer: Member
    product: Product
    room: str
    paid_at: dt.datetime
    quantity: int
    amount: int
    cause: Cause
    message: str
    promo: Promo | None
    refund: int
    refunded_at: dt.datetime | None


def after_talk(
    everybody: Community, room: Room, spoken: Spoken, promo: Promo | None
) -> Purchase | None:
    """The order that one message caused, seldom any. `promo`: what runs in the room now."""
    rng = everybody.draws("heard", spoken.id)
    if spoken.sku is None or rng.random() >= ORDERS_PER_MENTION:
        return None
    if spoken.sender in (room.operator, room.koc):
        return None
    buyer = _listener(rng, room, spoken.at, spoken.sender)
    at = spoken.at + dt.timedelta(minutes=4, hours=min(rng.expovariate(1 / 7), 60))
    product = room.vertical.product(spoken.sku)
    used = promo if promo and promo.sku == product.sku and rng.random() < _TAKES_A_COUPON else None
    return _purchase(rng, buyer, product, room, at, Cause.ORGANIC, spoken.id, used)


def tempted(everybody: Community, room: Room, spoken: Spoken, purchase: Purchase) -> list[Spoken]:
    """What the buyer says to the message that moved them, if anything: before they pay."""
    rng = everybody.draws("tempted", spoken.id)
    at = spoken.at + dt.timedelta(seconds=rng.lognormvariate(5, 0.7))
    if rng.random() >= _SAYS_SO or at >= purchase.paid_at or not _is_there(room, purchase, at):
        return []
    stage = Stage(room, EMPTY, rng, f"{spoken.id}-t")
    line = rng.choice(content.phrases()["tempted"])
    stages.put(stage, at, purchase.buyer, line, quote=spoken.id)
    return stage.lines


def after_promo(
    everybody: Community, room: Room, promo: Promo, at: dt.datetime, message: str
) -> list[Purchase]:
    """The orders that one promotion makes in one room."""
    rng = everybody.draws("promo", room.id, message)
    product = room.vertical.product(promo.sku)
    wanted = ORDERS_PER_PROMO * room.activity / community.MESSAGES_A_DAY
    return [
        _purchase(
            rng,
            _listener(rng, room, at, room.operator),
            product,
            room,
            at + dt.timedelta(minutes=3, hours=min(rng.expovariate(1 / 5), 44)),
            Cause.PROMO,
            message,
            promo if rng.random() < 0.8 else None,
        )
        for _ in range(community.poisson(rng, wanted))
    ]


def anyway(
    everybody: Community, room: Room, date: dt.date, promo: Promo | None
) -> tuple[list[Purchase], list[Spoken]]:
    """The orders of one day that nothing in the room caused, and the questions before them."""
    rng = everybody.draws("anyway", room.id, date)
    stage = Stage(room, community.crowd(room, date), rng, f"{room.id[:7]}-{date:%m%d}-i")
    bought: list[Purchase] = []
    for _ in range(community.poisson(rng, BASE_ORDERS_A_DAY)):
        at = community.instant(date, rng.triangular(7.5, 23.5, 20))
        buyer = _listener(rng, room, at, room.operator)
        (product,) = rng.choices(room.vertical.products, weights=(5, 4, 3, 3, 2, 2))
        if rng.random() < _ASKS_FIRST:
            before = at - dt.timedelta(minutes=rng.uniform(6, 120))
            threads.intend(stage, before, buyer, product)
        fits = promo is not None and promo.sku == product.sku
        used = promo if fits and rng.random() < _TAKES_A_COUPON else None
        bought.append(_purchase(rng, buyer, product, room, at, Cause.BASE, "", used))
    return bought, stage.lines


def show(everybody: Community, room: Room, purchase: Purchase) -> list[Spoken]:
    """What the buyer shows in the room some days later, if anything."""
    rng = everybody.draws("shows", room.id, purchase.buyer.id, purchase.paid_at)
    if rng.random() >= _SHOWS_AFTER:
        return []
    at = purchase.paid_at + dt.timedelta(days=rng.uniform(1, 4))
    at = community.instant(at.astimezone(community.ZONE).date(), rng.uniform(9, 22))
    if not _is_there(room, purchase, at) or at <= purchase.paid_at:
        return []
    crowd = community.crowd(room, at.astimezone(community.ZONE).date())
    stage = Stage(room, crowd, rng, f"{room.id[:7]}-{at:%m%d%H%M%S}-s")
    threads.share(stage, at, sharer=purchase.buyer, product=purchase.product, lines="arrived")
    return stage.lines


def _is_there(room: Room, purchase: Purchase, at: dt.datetime) -> bool:
    return any(stay.member == purchase.buyer and stay.covers(at) for stay in room.stays)


def _listener(rng: random.Random, room: Room, at: dt.datetime, speaker: Member) -> Member:
    """Somebody who was there; talkers buy more than the silent ones, but not as they talk."""
    present = [stay for stay in room.stays if stay.covers(at) and stay.member != speaker]
    (stay,) = rng.choices(present, weights=[stay.weight**0.3 for stay in present])
    return stay.member


def _purchase(
    rng: random.Random,
    buyer: Member,
    product: Product,
    room: Room,
    at: dt.datetime,
    cause: Cause,
    message: str,
    promo: Promo | None,
) -> Purchase:
    quantity = rng.choice((1, 1, 1, 1, 2, 3))
    amount = 100 * (product.price * quantity - (promo.saves if promo else 0))
    returned = rng.random()
    refund = 0
    if returned < _REFUNDED:
        refund = amount
    elif returned < _REFUNDED + _RETURNED_IN_PART:
        refund = amount // 2
    return Purchase(
        buyer=buyer,
        product=product,
        room=room.id,
        paid_at=at.replace(microsecond=0),
        quantity=quantity,
        amount=amount,
        cause=cause,
        message=message,
        promo=promo,
        refund=refund,
        refunded_at=at + dt.timedelta(days=rng.uniform(0.5, 6)) if refund else None,
    )
