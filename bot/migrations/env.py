"""Alembic's entry: runs the migrations on the connection that `database.migrate` hands over."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, BigInteger, Enum
from sqlalchemy.sql.schema import SchemaItem
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

import bot.models
from bot.models.columns import LogText

assert bot.models  # noqa: S101  # importing it makes the schema known


def render(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write plain SQLAlchemy types into migrations: they must not change when our types do."""
    if kind != "type":
        return False
    if isinstance(item, LogText):
        return "sa.Text()"
    if isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Enum):
        return f"sa.String({item.length})"
    if isinstance(item, AutoString):
        return "sa.String()"
    if isinstance(item, JSON):
        return "sa.JSON()"
    if isinstance(item, BigInteger):
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def ours(item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """Partitions of the message table are cut by operations, not described by models."""
    return not (kind == "table" and (name or "").startswith("message_p_"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_item=render,
    include_object=ours,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
