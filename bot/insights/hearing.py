"""What was said about products: posts that arrived and messages that name them, as classed touches.

A constant number of statements, whatever the number of products and rooms.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, and_, select
from sqlmodel import Session

from bot import database, terms
from bot.insights.touches import Candidate, Naming, Post, Stream, classify
from bot.models import (
    Account,
    Campaign,
    Delivery,
    DeliveryState,
    Membership,
    Mention,
    Message,
    MessageIdentity,
    Operator,
    Role,
    Series,
    SeriesKind,
)
from bot.text import lexicon

# Classing a touch looks this much further back than the touch itself: echoes, copies of a text.
CLASS_BACK = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one campaign of one product is known by."""

    product_id: int
    coupon: str | None
    link: str | None


@dataclass(frozen=True, slots=True)
class _Stay:
    joined_at: dt.datetime
    left_at: dt.datetime | None
    role: Role


def gather(
    session: Session, products: set[int], since: dt.datetime, until: dt.datetime
) -> dict[Stream, list[Candidate]]:
    """Touches of these products in `[since, until)`, by (room, product), in order of time."""
    marked = campaigns(session)
    names: defaultdict[int, list[str]] = defaultdict(list)
    for mark in marked:
        names[mark.product_id] += [x for x in (mark.coupon, mark.link) if x]
    marks = lexicon.lexicon(names)
    posts = _posts(session, since - CLASS_BACK, until, marked)
    namings = _namings(session, products, since - CLASS_BACK, until)
    return classify(namings, posts, marks)


def campaigns(session: Session) -> list[Mark]:
    """What every campaign is known by."""
    campaign = database.table(Campaign).c
    rows = session.connection().execute(select(campaign.product_id, campaign.coupon, campaign.link))
    return [Mark(*row) for row in rows]


def our_contacts(session: Session) -> frozenset[int]:
    """Contacts that are our own accounts or operators, in every room."""
    account, operator = database.table(Account).c, database.table(Operator).c
    own = select(account.contact_id).where(account.contact_id.is_not(None))
    staff = select(operator.contact_id).where(operator.contact_id.is_not(None))
    return frozenset(session.connection().execute(own.union(staff)).scalars())


def _posts(
    session: Session, since: dt.datetime, until: dt.datetime, campaigns: Iterable[Mark]
) -> list[Post]:
    delivery, series, named = database.tables(Delivery, Series, MessageIdentity)
    rows = session.connection().execute(
        select(
            delivery.c.id,
            delivery.c.room_id,
            delivery.c.sent_at,
            delivery.c.text,
            delivery.c.message_id.label("name"),
            series.c.kind,
            named.c.id.label("message_id"),
        )
        .outerjoin(series, series.c.id == delivery.c.series_id)
        .outerjoin(
            named,
            and_(
                named.c.room_id == delivery.c.room_id,
                named.c.platform_id == delivery.c.message_id,
            ),
        )
        .where(
            delivery.c.state == DeliveryState.SENT,
            delivery.c.sent_at >= since,
            delivery.c.sent_at < until,
        )
    )
    words = _words(session, campaigns)
    mentioned: dict[str, frozenset[int]] = {}
    posts = []
    for row in rows:
        promo = row.kind == SeriesKind.PROMO
        if promo and row.text not in mentioned:
            mentioned[row.text] = words.mentioned(row.text)
        products = mentioned[row.text] if promo else frozenset[int]()
        posts.append(
            Post(
                room_id=row.room_id,
                delivery_id=row.id,
                at=row.sent_at,
                text=row.text,
                promo=promo,
                products=products,
                name=row.name,
                message_id=row.message_id,
            )
        )
    return posts


def _words(session: Session, campaigns: Iterable[Mark]) -> lexicon.Lexicon:
    """What a promo text can call a product: besides its names and links, a campaign's coupon."""
    names = {owner: [*called] for owner, called in terms.load(session).names.items()}
    for mark in campaigns:
        if mark.coupon:
            names[mark.product_id].append(mark.coupon)
    return lexicon.lexicon(names)


def _namings(
    session: Session, products: set[int], since: dt.datetime, until: dt.datetime
) -> list[Naming]:
    mention, message, named = database.tables(Mention, Message, MessageIdentity)
    given = database.given(session, {"id": Integer()}, [(each,) for each in sorted(products)])
    rows = session.connection().execute(
        select(
            mention.c.room_id,
            mention.c.product_id,
            mention.c.message_id,
            mention.c.contact_id,
            mention.c.at,
            named.c.platform_id,
            message.c.text,
            message.c.quote,
            message.c.mentions,
            message.c.own,
        )
        .join(given, mention.c.product_id == given.c.id)
        .join(named, named.c.id == mention.c.message_id)
        .join(
            message,
            and_(
                message.c.day == mention.c.day,
                message.c.room_id == mention.c.room_id,
                message.c.id == mention.c.message_id,
            ),
        )
        .where(mention.c.day >= since.date(), mention.c.day <= until.date())
        .where(mention.c.at >= since, mention.c.at < until)
    )
    roles, ours = _roles(session), our_contacts(session)
    namings = []
    for row in rows:
        role = _role_at(roles.get((row.room_id, row.contact_id), ()), row.at)
        namings.append(
            Naming(
                room_id=row.room_id,
                product_id=row.product_id,
                message_id=row.message_id,
                contact_id=row.contact_id,
                at=row.at,
                name=row.platform_id,
                text=row.text or "",
                role=Role.BOT if row.own or row.contact_id in ours else role,
                quotes=row.quote,
                replies=row.quote is not None or bool(row.mentions),
            )
        )
    return namings


def _roles(session: Session) -> dict[tuple[int, int], list[_Stay]]:
    """Stays of everybody who is more than a member somewhere."""
    stay = database.table(Membership).c
    rows = session.connection().execute(
        select(stay.room_id, stay.contact_id, stay.joined_at, stay.left_at, stay.role)
        .where(stay.role != Role.MEMBER)
        .order_by(stay.joined_at)
    )
    found: defaultdict[tuple[int, int], list[_Stay]] = defaultdict(list)
    for row in rows:
        found[row.room_id, row.contact_id].append(_Stay(row.joined_at, row.left_at, row.role))
    return dict(found)


def _role_at(stays: Sequence[_Stay], at: dt.datetime) -> Role:
    for stay in stays:
        if stay.joined_at <= at and (stay.left_at is None or at < stay.left_at):
            return stay.role
    return Role.MEMBER
