"""What is sold and promoted: products with their other names, and campaigns.

A SKU names a product; a campaign's name and a SKU name one row of it. The same file twice changes
nothing, and an empty cell leaves alone what stands.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, bindparam, delete, select, update
from sqlmodel import Session

from bot import cells, database
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault
from bot.models import Campaign, OrderLine, Product, ProductAlias
from bot.orders import dirty

SKU = Column("sku", cells.identifier, ("商品编码",), required=True, filled=True)
NAME = Column("name", cells.text, ("商品名",), required=True, filled=True)
ALIASES = Column("aliases", cells.names, ("别名",))
CATEGORY = Column("category", cells.text, ("类目",))
PRICE = Column("price", cells.fen, ("价格",))
CAMPAIGN = Column("campaign", cells.text, ("活动",), required=True, filled=True)
COUPON = Column("coupon", cells.identifier, ("优惠码",))
LINK = Column("link", cells.text, ("链接",))
STARTS = Column("starts_at", cells.instant, ("开始时间",), required=True)
ENDS = Column("ends_at", cells.instant, ("结束时间",), required=True)


@dataclass(frozen=True, slots=True)
class ProductRow:
    """What a file says of one product; `price` is fen, None says nothing."""

    sku: str
    name: str
    aliases: tuple[str, ...] | None = None
    category: str | None = None
    price: int | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """What a file says of one SKU of a campaign in `[starts_at, ends_at)`."""

    campaign: str
    sku: str
    coupon: str | None = None
    link: str | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    place: Place = NOWHERE


def read_products(path: Path, zone: ZoneInfo) -> Reading[ProductRow]:
    """Products of a file."""
    return read(path, (SKU, NAME, ALIASES, CATEGORY, PRICE), zone, _product)


def read_campaigns(path: Path, zone: ZoneInfo) -> Reading[CampaignRow]:
    """Campaigns of a file."""
    return read(path, (CAMPAIGN, SKU, COUPON, LINK, STARTS, ENDS), zone, _campaign)


def product_ids(session: Session) -> dict[str, int]:
    """Ids of all products by SKU."""
    product = database.table(Product).c
    return dict(session.connection().execute(select(product.sku, product.id)).all())


def unknown_sku(place: Place, sku: str) -> Fault:
    """The fault of a row that names a SKU which no product has."""
    return place.fault("sku", f"没有商品“{sku}”", "先用 qunyun products import 导入这个商品编码")


def record_products(session: Session, rows: Sequence[ProductRow]) -> Imported:
    """Make or change products. What members' messages name may change with them, so whoever
    calls this derives mentions again where anything was created or changed.
    """
    standing = _standing_products(session)
    after = dict(standing)
    for row in rows:
        before = after.get(row.sku, ProductRow(row.sku, row.name, (), "", None))
        after[row.sku] = replace(
            before,
            name=row.name,
            aliases=tuple(sorted(row.aliases or before.aliases or ())),
            category=row.category or before.category,
            price=before.price if row.price is None else row.price,
        )
    named = {row.sku for row in rows}
    created = named - standing.keys()
    changed = {sku for sku in named - created if after[sku] != standing[sku]}
    _write_products(session, [after[sku] for sku in sorted(created)], [after[x] for x in changed])
    _replace_aliases(session, [after[sku] for sku in created | changed])
    return Imported(len(created), len(changed), len(named - created - changed))


def record_campaigns(session: Session, rows: Sequence[CampaignRow]) -> Imported:
    """Make or change campaigns; an unknown SKU, or a new one without its times, is a fault."""
    products = product_ids(session)
    standing = _standing_campaigns(session)
    after = dict(standing)
    faults: list[Fault] = []
    for row in rows:
        key = row.campaign, row.sku
        before = after.get(key, CampaignRow(row.campaign, row.sku))
        merged = replace(
            before,
            coupon=row.coupon or before.coupon,
            link=row.link or before.link,
            starts_at=row.starts_at or before.starts_at,
            ends_at=row.ends_at or before.ends_at,
        )
        fault = _campaign_fault(merged, row.place, products)
        if fault:
            faults.append(fault)
        else:
            after[key] = merged
    named = {(row.campaign, row.sku) for row in rows} & after.keys()
    created = named - standing.keys()
    changed = {key for key in named - created if after[key] != standing[key]}
    _write_campaigns(
        session, products, [after[x] for x in sorted(created)], [after[x] for x in changed]
    )
    if created or changed:
        # Which coupons and links are a campaign's is part of what a line's label stands on.
        line = database.table(OrderLine).c
        marked = select(line.id).where(line.coupon.is_not(None) | line.link.is_not(None))
        dirty.mark(session, session.connection().scalars(marked))
    return Imported(len(created), len(changed), len(named - created - changed), tuple(faults))


def _product(row: Row) -> ProductRow:
    return ProductRow(
        sku=row[SKU],
        name=row[NAME],
        aliases=row.get(ALIASES),
        category=row.get(CATEGORY),
        price=row.get(PRICE),
        place=row.place,
    )


def _campaign(row: Row) -> CampaignRow:
    return CampaignRow(
        campaign=row[CAMPAIGN],
        sku=row[SKU],
        coupon=row.get(COUPON),
        link=row.get(LINK),
        starts_at=row.get(STARTS),
        ends_at=row.get(ENDS),
        place=row.place,
    )


def _campaign_fault(row: CampaignRow, place: Place, products: Mapping[str, int]) -> Fault | None:
    if row.sku not in products:
        return unknown_sku(place, row.sku)
    if row.starts_at is None:
        return place.fault("starts_at", "新活动没有开始时间", "写成 2026-11-03 00:00:00")
    if row.ends_at is None:
        return place.fault("ends_at", "新活动没有结束时间", "写成 2026-11-12 00:00:00")
    if row.ends_at <= row.starts_at:
        return place.fault("ends_at", "结束时间不晚于开始时间", "核对两个时间和时区")
    return None


def _standing_products(session: Session) -> dict[str, ProductRow]:
    product, alias = database.table(Product), database.table(ProductAlias)
    aliases: defaultdict[int, list[str]] = defaultdict(list)
    for row in session.connection().execute(select(alias)):
        aliases[row.product_id].append(row.alias)
    return {
        row.sku: ProductRow(
            row.sku, row.name, tuple(sorted(aliases[row.id])), row.category, row.price
        )
        for row in session.connection().execute(select(product))
    }


def _write_products(
    session: Session, created: Sequence[ProductRow], changed: Sequence[ProductRow]
) -> None:
    product = database.table(Product)
    names = ("sku", "name", "category", "price")
    database.insert_rows(
        session, Product, [{name: getattr(row, name) for name in names} for row in created]
    )
    if changed:
        session.connection().execute(
            update(product)
            .where(product.c.sku == bindparam("key"))
            .values(name=bindparam("new"), category=bindparam("kind"), price=bindparam("fen")),
            [
                {"key": row.sku, "new": row.name, "kind": row.category, "fen": row.price}
                for row in changed
            ],
        )


def _replace_aliases(session: Session, products: Sequence[ProductRow]) -> None:
    if not products:
        return
    alias = database.table(ProductAlias)
    ids = product_ids(session)
    given = database.given(session, {"id": Integer()}, [(ids[row.sku],) for row in products])
    session.connection().execute(delete(alias).where(alias.c.product_id.in_(select(given.c.id))))
    database.insert_rows(
        session,
        ProductAlias,
        [
            {"alias": name, "product_id": ids[row.sku]}
            for row in products
            for name in row.aliases or ()
        ],
    )


def _standing_campaigns(session: Session) -> dict[tuple[str, str], CampaignRow]:
    campaign, product = database.table(Campaign), database.table(Product)
    rows = session.connection().execute(
        select(campaign, product.c.sku).join(product, campaign.c.product_id == product.c.id)
    )
    return {
        (row.name, row.sku): CampaignRow(
            row.name, row.sku, row.coupon, row.link, row.starts_at, row.ends_at
        )
        for row in rows
    }


def _write_campaigns(
    session: Session,
    products: Mapping[str, int],
    created: Sequence[CampaignRow],
    changed: Sequence[CampaignRow],
) -> None:
    campaign = database.table(Campaign)
    told = ("coupon", "link", "starts_at", "ends_at")
    database.insert_rows(
        session,
        Campaign,
        [
            {"name": row.campaign, "product_id": products[row.sku]}
            | {name: getattr(row, name) for name in told}
            for row in created
        ],
    )
    if changed:
        session.connection().execute(
            update(campaign)
            .where(campaign.c.name == bindparam("of"), campaign.c.product_id == bindparam("sold"))
            .values({x: bindparam(f"new_{x}", type_=campaign.c[x].type) for x in told}),
            [
                {"of": row.campaign, "sold": products[row.sku]}
                | {f"new_{x}": getattr(row, x) for x in told}
                for row in changed
            ],
        )
