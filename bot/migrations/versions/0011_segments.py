"""Segments: needs that messages show, profiles and their tags, invitations drawn by chance."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _serial(name: str, **rest: Any) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False, **rest)


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "need_mention",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        _serial("message_id", autoincrement=False),
        sa.Column("need", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "room_id", "message_id", "need"),
        sqlite_with_rowid=False,
    )
    _profiles()
    op.create_table(
        "invitation",
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("arm", sa.String(16), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("draw", sa.String(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"]),
        sa.PrimaryKeyConstraint("program", "contact_id"),
    )


def _profiles() -> None:
    op.create_table(
        "profile",
        _serial("id"),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("orders", sa.Integer(), nullable=False),
        _serial("net"),
        sa.Column("first_paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("orders_90", sa.Integer(), nullable=False),
        _serial("net_90"),
        sa.Column("orders_365", sa.Integer(), nullable=False),
        _serial("net_365"),
        sa.Column("recency", sa.Integer(), nullable=True),
        sa.Column("frequency", sa.Integer(), nullable=True),
        sa.Column("monetary", sa.Integer(), nullable=True),
        sa.Column("active_days", sa.Integer(), nullable=False),
        sa.Column("effective", sa.Integer(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("shares", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_profile_person_id", "profile", ["person_id"], unique=False)
    op.create_index("ix_profile_contact_id", "profile", ["contact_id"], unique=False)
    op.create_table(
        "profile_tag",
        _serial("profile_id", autoincrement=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(16), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"]),
        sa.PrimaryKeyConstraint("profile_id", "tag"),
    )
    op.create_index("ix_profile_tag", "profile_tag", ["tag", "profile_id"], unique=False)
