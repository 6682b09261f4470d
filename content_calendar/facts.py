"""Gather what posts may say beside the calendar: products, questions, words, abilities."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlmodel import Session

from bot import database, gateway
from bot.gateway import Capabilities
from bot.models import Account, Product
from content_calendar import questions, templates, words
from content_calendar.definition import Definition, Stored
from content_calendar.posts import Facts


def gather(
    session: Session,
    series: Stored,
    original_date: dt.date,
    step: str,
    room_ids: Sequence[int],
    asked: tuple[dt.datetime, dt.datetime],
    known: Facts,
) -> Facts:
    """The facts of one step of one occurrence; `asked` is when its questions were asked.

    Queries only for what the step's templates read. `known` holds what all posts share.
    """
    read = reads(series.definition, step)
    key = (series.id, original_date)
    return Facts(
        products=known.products,
        words=known.words,
        able=known.able,
        links_url=known.links_url,
        own_links=known.own_links,
        questions=questions.gathered(session, room_ids, *asked, known.words)
        if "questions" in read
        else {},
        picked=questions.picked(session, [key]).get(key, ()) if "picked" in read else (),
    )


def shared(session: Session, series: Iterable[Definition], links_url: str) -> Facts:
    """What the posts of all these series share; `links_url` is where short links begin."""
    skus = {sku for each in series if each.topic is not None for sku in each.topic.products}
    return Facts(
        products=product_names(session, skus),
        words=words.load(session),
        able=abilities(session),
        links_url=links_url,
    )


def product_names(session: Session, skus: Iterable[str]) -> dict[str, str]:
    """The names of those products that are known, by sku."""
    wanted = sorted(skus)
    if not wanted:
        return {}
    product = database.table(Product).c
    rows = session.connection().execute(
        select(product.sku, product.name).where(product.sku.in_(wanted))
    )
    return {row.sku: row.name for row in rows}


def abilities(session: Session) -> Mapping[int, Capabilities]:
    """What each account's gateway said that it can do, by account id."""
    account = database.table(Account).c
    rows = session.connection().execute(
        select(account.id, account.capabilities).where(account.capabilities.is_not(None))
    )
    return {row.id: gateway.capabilities_from_json(row.capabilities) for row in rows}


def reads(wanted: Definition, step: str) -> frozenset[str]:
    """The variables that some template of a step reads."""
    found = [templates.uses(source) for source in wanted.step(step).sources]
    return frozenset[str]().union(*found)
