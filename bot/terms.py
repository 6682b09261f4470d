"""Terms: what an installation calls its products, and which words its operators add or strike.

Judging and cutting depend on them, so a running process compares them at every tick and makes
its rules anew where they have changed: nothing restarts.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from bot import database, links
from bot.models import Campaign, OwnWord, Product, ProductAlias, WordKind
from bot.text import segment

PRODUCT, ALIAS, CAMPAIGN, OWN = database.tables(Product, ProductAlias, Campaign, OwnWord)


@dataclass(frozen=True, slots=True)
class Terms:
    """Products by id, and the operators' own words by kind.

    `names` holds everything that names a product: name, SKU, aliases, campaign links, short or not.
    """

    names: Mapping[int, tuple[str, ...]]
    aliases: frozenset[str]
    categories: Mapping[int, str]
    words: Mapping[WordKind, tuple[str, ...]]


def load(session: Session) -> Terms:
    """The terms as they stand."""
    connection = session.connection()
    names: dict[int, set[str]] = defaultdict(set)
    categories: dict[int, str] = {}
    products = select(PRODUCT.c.id, PRODUCT.c.sku, PRODUCT.c.name, PRODUCT.c.category)
    for product, sku, name, category in connection.execute(products):
        names[product] |= {sku, name}
        if category:
            categories[product] = category
    aliases = connection.execute(select(ALIAS.c.product_id, ALIAS.c.alias)).all()
    marked = connection.execute(
        select(CAMPAIGN.c.product_id, CAMPAIGN.c.link).where(CAMPAIGN.c.link.is_not(None))
    ).all()
    for product, name in aliases:
        names[product].add(name)
    for product, link in marked:
        names[product] |= {link, links.opening(link)}
    words: dict[WordKind, list[str]] = {kind: [] for kind in WordKind}
    for word, kind in connection.execute(select(OWN.c.word, OWN.c.kind)):
        words[kind].append(word)
    return Terms(
        {product: tuple(sorted(given)) for product, given in sorted(names.items())},
        frozenset(alias for _, alias in aliases),
        categories,
        {kind: tuple(sorted(given)) for kind, given in words.items()},
    )


def version(terms: Terms) -> str:
    """What the terms are called where it has to be told which ones were in force: equal terms have
    equal versions, whatever was between them.
    """
    told = (
        sorted(terms.names.items()),
        sorted(terms.aliases),
        sorted(terms.categories.items()),
        sorted(terms.words.items()),
    )
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def everyday(terms: Terms) -> frozenset[str]:
    """The aliases that are words of everyday talk, too: alone they name no product."""
    return frozenset(alias for alias in terms.aliases if segment.is_common(alias))
