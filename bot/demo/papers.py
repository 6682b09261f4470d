"""The CSV files of the demo, as an operator would hand them in, and their import."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from bot import csv_files, database, faq, membership_files, room_files
from bot.csv_files import Imported, Reading
from bot.demo import content
from bot.demo.community import ZONE, Community, Member, Room, Stay
from bot.demo.shopping import Purchase
from bot.errors import InvalidInput
from bot.orders import catalogue, intake

Cells = Sequence[str | int | None]
Row = TypeVar("Row")

CAMPAIGN_LASTS: Final = (dt.date(2026, 8, 31), dt.date(2028, 1, 1))
MEMBERSHIPS: Final = ("room", "sender", "unionid", "phone", "joined_at", "left_at", "role")
ORDERS: Final = (
    *("order_id", "line_no", "sku", "quantity", "amount", "paid_at", "status", "buyer_id"),
    *("buyer_phone", "unionid", "coupon", "channel", "link", "updated_at"),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where papers are written and what they are imported into."""

    folder: Path
    engine: Engine
    secret: bytes


def import_beginnings(desk: Desk, everybody: Community, now: dt.datetime) -> None:
    """Products, campaigns, curated answers, rooms and members, before the first message."""
    _import(desk, "products", _products(), catalogue.read_products, catalogue.record_products)
    _import(desk, "campaigns", _campaigns(), catalogue.read_campaigns, catalogue.record_campaigns)
    _import(desk, "faq", _faq(), faq.read_rows, faq.record)
    _import(
        desk,
        "rooms",
        _rooms(everybody),
        room_files.read_rows,
        lambda session, rows: room_files.record(session, rows)[0],
    )
    import_members(desk, "memberships", _founders(everybody), now)


def import_newcomers(
    desk: Desk, name: str, everybody: Community, since: dt.datetime, now: dt.datetime
) -> None:
    """Identifiers of those who came after `since`."""
    came = [
        _member(room, stay)
        for room in everybody.rooms
        for stay in room.stays
        if stay.joined is not None and since < stay.joined <= now
    ]
    import_members(desk, name, came, now)


def import_members(desk: Desk, name: str, rows: Sequence[Cells], now: dt.datetime) -> None:
    """Roles and identifiers of members."""

    def record(session: Session, rows: Sequence[membership_files.MembershipRow]) -> Imported:
        return membership_files.record(session, rows, desk.secret, now)

    _import(desk, name, [MEMBERSHIPS, *rows], membership_files.read_rows, record)


def import_orders(
    desk: Desk, name: str, purchases: Sequence[tuple[str, Purchase]], now: dt.datetime
) -> int:
    """Numbered purchases as the shop tells them at `now`; returns how many rows were new."""

    def record(session: Session, rows: Sequence[intake.OrderRow]) -> Imported:
        return intake.record(session, rows, "demo", desk.secret, now)

    return _import(desk, name, _orders(purchases, now), intake.read_rows, record).created


def _import(
    desk: Desk,
    name: str,
    cells: Sequence[Cells],
    read: Callable[[Path, ZoneInfo], Reading[Row]],
    record: Callable[[Session, Sequence[Row]], Imported],
) -> Imported:
    """Write a paper, read it back and import it. Raises InvalidInput where a row is wrong."""
    path = desk.folder / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    header, *rows = cells
    with path.open("wb") as file:
        csv_files.write(file, [str(cell) for cell in header], rows)
    reading = read(path, ZONE)
    with database.transaction(desk.engine) as session:
        imported = record(session, reading.rows)
        if reading.faults or imported.faults:
            raise InvalidInput(*reading.faults, *imported.faults)
    return imported


def _products() -> list[Cells]:
    header = ("sku", "name", "aliases", "category", "price")
    return [
        header,
        *(
            (each.sku, each.name, "|".join(each.aliases), each.category, f"{each.price}.00")
            for vertical in content.verticals()
            for each in vertical.products
        ),
    ]


def _campaigns() -> list[Cells]:
    header = ("campaign", "sku", "coupon", "link", "starts_at", "ends_at")
    starts, ends = (f"{day} 00:00:00" for day in CAMPAIGN_LASTS)
    return [
        header,
        *(
            (f"限时券 {promo.coupon}", promo.sku, promo.coupon, promo.link, starts, ends)
            for vertical in content.verticals()
            for promo in vertical.promos
        ),
    ]


def _faq() -> list[Cells]:
    common = content.phrases()
    pairs = zip(common["bot_asks"], common["bot_answers"], strict=True)
    return [
        ("vertical", "question", "answer", "alternatives"),
        *(("", asked, answer, f"请问{asked}") for asked, answer in pairs),
    ]


def _rooms(everybody: Community) -> list[Cells]:
    return [
        ("room", "topic", "vertical", "zone", "tags", "account", "owner"),
        *(
            (room.id, room.topic, room.vertical.name, ZONE.key, "演示", room.account, "演示运营")
            for room in everybody.rooms
        ),
    ]


def _founders(everybody: Community) -> list[Cells]:
    rows: list[Cells] = []
    for room in everybody.rooms:
        rows.append((room.id, room.operator.id, "", "", "", "", "operator"))
        rows += [_member(room, stay) for stay in room.stays if stay.joined is None]
    return rows


def _member(room: Room, stay: Stay) -> Cells:
    member = stay.member
    role = "koc" if member == room.koc else "member"
    unionid, phone = identifiers(member)
    return (room.id, member.id, unionid, phone, _local(stay.joined), "", role)


def _orders(purchases: Iterable[tuple[str, Purchase]], now: dt.datetime) -> list[Cells]:
    rows: list[Cells] = [ORDERS]
    for number, purchase in purchases:
        if purchase.paid_at <= now:
            rows.append(_order(number, purchase, "paid", purchase.paid_at, purchase.amount))
        back = purchase.refunded_at
        if back is not None and back <= now:
            rows.append(_order(number, purchase, "refunded", back, purchase.refund))
    return rows


def _order(number: str, purchase: Purchase, status: str, at: dt.datetime, amount: int) -> Cells:
    buyer: Member = purchase.buyer
    unionid, phone = identifiers(buyer)
    return (
        number,
        1,
        purchase.product.sku,
        purchase.quantity,
        f"{amount // 100}.{amount % 100:02d}",
        _local(at),
        status,
        f"buyer-{buyer.id[5:]}",
        phone,
        unionid,
        purchase.promo.coupon if purchase.promo else "",
        "旗舰店",
        "",
        _local(at),
    )


def identifiers(member: Member) -> tuple[str, str]:
    """Unionid and phone as shop and roster have them: one of the two, or, unknown, none."""
    if not member.known:
        return "", ""
    return ("", member.phone) if buys_by_phone(member) else (member.unionid, "")


def buys_by_phone(member: Member) -> bool:
    """Half of the members buy in a shop that knows phones, half in one that knows WeChat."""
    return int(member.id[-1]) % 2 == 0


def _local(at: dt.datetime | None) -> str:
    return "" if at is None else at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
