"""Campaigns: what a promotion is recognised by."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Campaign(SQLModel, table=True):
    """A promotion of one SKU in `[starts_at, ends_at)`, known by its coupon and tracked link."""

    __table_args__ = (UniqueConstraint("name", "product_id"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    product_id: int = Field(foreign_key="product.id")
    coupon: str | None = Field(default=None, index=True)
    link: str | None = None
    starts_at: datetime
    ends_at: datetime
