"""Orders as shops tell of them: events are facts, lines are what the events add up to."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json, serial


class OrderStatus(StrEnum):
    """paid, refunded (some or all), cancelled."""

    PAID = "paid"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


def _named_by(column: str) -> Index:
    told = text(f"{column} IS NOT NULL")
    return Index(f"ix_order_line_{column}", column, sqlite_where=told, postgresql_where=told)


class OrderEvent(SQLModel, table=True):
    """One row of one source about one order line, never edited; `digest` refuses the duplicate.

    `content` holds the row with phone and buyer id already replaced by their HMAC.
    """

    __tablename__ = "order_event"

    digest: str = Field(primary_key=True)
    order_id: str = Field(index=True)
    line_no: int
    source: str
    received_at: datetime
    content: dict[str, Any] = Field(sa_type=json())


class OrderLine(SQLModel, table=True):
    """One SKU of one order, net of refunds: derived from its events. Money is integer fen.

    `paid_at` is when it was first paid (event time, never arrival time). `buyer` and `phone` are
    HMACs; `person_id` is who they lead to, None while unresolved.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "line_no"),
        Index("ix_order_line_paid", "paid_at"),
        Index("ix_order_line_product", "product_id", "paid_at"),
        _named_by("unionid"),
        _named_by("phone"),
        _named_by("buyer"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    order_id: str
    line_no: int
    product_id: int = Field(foreign_key="product.id")
    quantity: int
    amount: int
    refunded: int = 0
    paid_at: datetime
    status: OrderStatus = Field(sa_type=choice(OrderStatus))
    buyer: str | None = None
    phone: str | None = None
    unionid: str | None = None
    coupon: str | None = None
    link: str | None = None
    channel: str = ""
    sources: str
    updated_at: datetime
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)


class DirtyLine(SQLModel, table=True):
    """That something which attribution reads of an order line changed since it was attributed."""

    __tablename__ = "dirty_line"

    order_line_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
