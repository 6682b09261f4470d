"""Seals of room-days, what came late for them, days whose text was dropped."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    """Add the tables; nothing is sealed yet."""
    op.create_table(
        "sealed_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        _time("since_at"),
        _time("until_at"),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("hours", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.String(), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        _time("sealed_at"),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.PrimaryKeyConstraint("day", "room_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sealed_day_room", "sealed_day", ["room_id", "since_at"])
    op.add_column(
        "attribution",
        sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "late_event",
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        _time("at"),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.PrimaryKeyConstraint("message_id", "kind"),
    )
    op.create_index("ix_late_event_day", "late_event", ["day"])
    op.create_table(
        "dropped_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        _time("dropped_at"),
        sa.PrimaryKeyConstraint("day"),
    )
