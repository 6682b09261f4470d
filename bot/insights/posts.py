"""Our own posts as attribution sees them: which are promotions, of what, and in which words."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session

from bot import database, links, terms
from bot.insights.arrays import Ints
from bot.insights.touches import Post
from bot.models import (
    Account,
    Campaign,
    Delivery,
    DeliveryState,
    MessageIdentity,
    Operator,
    Series,
    SeriesKind,
)
from bot.models.columns import LogText
from bot.text import lexicon

DELIVERY, SERIES, NAMED = database.tables(Delivery, Series, MessageIdentity)
# A text of ours counts as a campaign's for so long.
REMEMBERED = dt.timedelta(days=30)
NOBODY = -1
_ARRIVED = and_(NAMED.c.room_id == DELIVERY.c.room_id, NAMED.c.platform_id == DELIVERY.c.message_id)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one campaign of one product is known by."""

    product_id: int
    coupon: str | None
    link: str | None


@dataclass(frozen=True, slots=True)
class Marks:
    """How promotions are recognised: `marks` finds coupons and links in a text, `words` what a text
    of ours can call a product.
    """

    campaigns: tuple[Mark, ...]
    marks: lexicon.Lexicon
    words: lexicon.Lexicon


@dataclass(frozen=True, slots=True)
class Promotions:
    """Promotions that went out, one entry a product, by room, product and time: when (seconds), and
    which message (NOBODY where its echo did not come back) and delivery they are.
    """

    product: Ints
    room: Ints
    at: Ints
    message: Ints
    delivery: Ints


def campaigns(session: Session) -> tuple[Mark, ...]:
    """What every campaign is known by."""
    campaign = database.table(Campaign).c
    rows = session.connection().execute(select(campaign.product_id, campaign.coupon, campaign.link))
    return tuple(Mark(*row) for row in rows)


def marks(session: Session) -> Marks:
    """The marks of every campaign as they stand."""
    known = campaigns(session)
    names = {owner: [*called] for owner, called in terms.load(session).names.items()}
    told: defaultdict[int, list[str]] = defaultdict(list)
    for mark in known:
        told[mark.product_id] += [each for each in (mark.coupon, mark.link) if each]
        if mark.link:
            told[mark.product_id].append(links.opening(mark.link))
        if mark.coupon:
            names[mark.product_id].append(mark.coupon)
    return Marks(known, lexicon.lexicon(told), lexicon.lexicon(names))


def promotions(session: Session, since: dt.datetime, until: dt.datetime) -> Promotions:
    """What `sent` finds, by the column, once for each product."""
    known = marks(session)
    promo = _promos(session, since, until, known)
    if promo is None:
        return Promotions(*(np.zeros(0, np.int64) for _ in fields(Promotions)))
    rows = session.connection().execute(
        select(
            *(DELIVERY.c.text, DELIVERY.c.room_id, database.seconds(DELIVERY.c.sent_at, session)),
            *(func.coalesce(NAMED.c.id, NOBODY), DELIVERY.c.id),
        )
        .outerjoin(NAMED, _ARRIVED)
        .where(
            DELIVERY.c.state == DeliveryState.SENT,
            *(DELIVERY.c.sent_at >= since, DELIVERY.c.sent_at < until, promo),
        )
    )
    products: dict[str, list[int]] = {}
    told = []
    for text, *row in rows.all():
        if text not in products:
            products[text] = sorted(known.words.mentioned(text))
        told += [(product, *row) for product in products[text]]
    table = np.array(told, np.int64).reshape(-1, len(fields(Promotions)))
    return Promotions(*table[np.lexsort(table.T[[4, 2, 0, 1]])].T)


def sent(session: Session, since: dt.datetime, until: dt.datetime, known: Marks) -> list[Post]:
    """The promotions that went out in `[since, until)`, however their echo came back."""
    promo = _promos(session, since, until, known)
    if promo is None:
        return []
    return _posts(
        session, and_(DELIVERY.c.sent_at >= since, DELIVERY.c.sent_at < until, promo), known
    )


def arrived(session: Session, names: Iterable[tuple[int, str]], known: Marks) -> list[Post]:
    """The deliveries that arrived under these names: (room id, platform id)."""
    given = database.given(session, {"room_id": DELIVERY.c.room_id.type, "name": LogText()}, names)
    same = (
        select(given.c.n)
        .where(given.c.room_id == DELIVERY.c.room_id, given.c.name == DELIVERY.c.message_id)
        .exists()
    )
    return _posts(session, and_(DELIVERY.c.sending_at.is_not(None), same), known)


def texts(session: Session, until: dt.datetime) -> list[tuple[str, dt.datetime]]:
    """The texts of promotions planned within the last thirty days, and when each was first due.

    Whether they arrived everywhere does not matter: the words are a campaign's.
    """
    rows = session.connection().execute(
        select(DELIVERY.c.text, func.min(DELIVERY.c.due_at))
        .join(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .where(
            SERIES.c.kind == SeriesKind.PROMO,
            DELIVERY.c.due_at >= until - REMEMBERED,
            DELIVERY.c.due_at < until,
        )
        .group_by(DELIVERY.c.text)
    )
    found: dict[str, dt.datetime] = {}
    for text, at in rows:
        # Each room has a link of its own in the same words.
        said = links.without(text)
        found[said] = min(at, found.get(said, at))
    return list(found.items())


def our_contacts(session: Session) -> frozenset[int]:
    """Contacts that are our own accounts or operators, in every room."""
    account, operator = database.table(Account).c, database.table(Operator).c
    own = select(account.contact_id).where(account.contact_id.is_not(None))
    staff = select(operator.contact_id).where(operator.contact_id.is_not(None))
    return frozenset(session.connection().execute(own.union(staff)).scalars())


def _promos(
    session: Session, since: dt.datetime, until: dt.datetime, known: Marks
) -> ColumnElement[bool] | None:
    """Which deliveries are promotions: those of promo series, and whose text bears a mark."""
    kinds = session.connection().execute(select(SERIES.c.id, SERIES.c.kind)).all()
    series = [row.id for row in kinds if row.kind == SeriesKind.PROMO]
    marked: Sequence[str] = []
    if known.campaigns:
        others = session.connection().scalars(
            select(DELIVERY.c.text)
            .where(
                DELIVERY.c.state == DeliveryState.SENT,
                DELIVERY.c.sent_at >= since,
                DELIVERY.c.sent_at < until,
                DELIVERY.c.series_id.not_in(series) | DELIVERY.c.series_id.is_(None),
            )
            .distinct()
        )
        marked = [text for text in others if known.marks.mentioned(text)]
    ways = [DELIVERY.c.series_id.in_(series)] if series else []
    if marked:
        given = database.given(session, {"text": LogText()}, [(text,) for text in marked])
        ways.append(DELIVERY.c.text.in_(select(given.c.text)))
    return or_(*ways) if ways else None


def _posts(session: Session, which: ColumnElement[bool], known: Marks) -> list[Post]:
    rows = session.connection().execute(
        select(
            *(DELIVERY.c.id, DELIVERY.c.room_id, DELIVERY.c.sent_at, DELIVERY.c.text),
            *(DELIVERY.c.message_id, SERIES.c.kind, NAMED.c.id.label("known_as")),
        )
        .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .outerjoin(NAMED, _ARRIVED)
        .where(DELIVERY.c.state == DeliveryState.SENT, which)
    )
    named: dict[str, tuple[bool, frozenset[int]]] = {}
    found = []
    for row in rows:
        if row.text not in named:
            bears = bool(known.marks.mentioned(row.text))
            named[row.text] = bears, known.words.mentioned(row.text)
        bears, products = named[row.text]
        promo = row.kind == SeriesKind.PROMO or bears
        found.append(
            Post(
                room_id=row.room_id,
                delivery_id=row.id,
                at=row.sent_at,
                text=row.text,
                promo=promo,
                products=products if promo else frozenset(),
                name=row.message_id,
                message_id=row.known_as,
            )
        )
    return found
