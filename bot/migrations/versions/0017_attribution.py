"""Classes of mentions, calibrations, restatements, what attribution must read again."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _serial(name: str) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Add them; every mention waits to be classed."""
    op.add_column("mention", sa.Column("text_key", sa.BigInteger(), nullable=True))
    op.drop_index("ix_mention_touch", "mention")
    columns = ["room_id", "product_id", "at", "touch", "contact_id", "message_id"]
    op.create_index("ix_mention_touch", "mention", columns)
    for name, indexed, told in (
        ("ix_mention_unclassed", ["day", "room_id"], sa.text("touch IS NULL")),
        ("ix_mention_text", ["text_key", "at"], sa.text("text_key IS NOT NULL")),
    ):
        op.create_index(name, "mention", indexed, sqlite_where=told, postgresql_where=told)
    told = sa.text("quote IS NOT NULL OR mentions IS NOT NULL")
    op.create_index(
        "ix_message_reply", "message", ["room_id", "contact_id", "at"],
        sqlite_where=told, postgresql_where=told,
    )  # fmt: skip
    op.add_column(
        "attribution", sa.Column("calibration", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_table(
        "restatement",
        _serial("id"),
        sa.Column("order_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                  nullable=False),
        _time("at"),
        sa.Column("label_before", sa.String(16), nullable=False),
        sa.Column("label_after", sa.String(16), nullable=False),
        *(
            sa.Column(f"{part}_{side}", sa.Integer(), nullable=True)
            for part in ("organic", "promo")
            for side in ("before", "after")
        ),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    for column in ("order_line_id", "at"):
        op.create_index(f"ix_restatement_{column}", "restatement", [column])
    op.create_table(
        "calibration",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        _time("fitted_at"),
        _time("applies_from"),
        *(
            sa.Column(x, sa.Integer(), nullable=False)
            for x in ("lines", "rooms", "found", "missed")
        ),
        *(
            sa.Column(x, sa.Float(), nullable=False)
            for x in ("influence", "influence_error", "recall", "recall_error")
        ),
        *(sa.Column(x, sa.Float(), nullable=False) for x in ("median_hours", "sigma")),
        sa.Column("odds", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "late_talk",
        _serial("id"),
        sa.Column("room_id", sa.Integer(), nullable=False),
        _time("since"),
        _time("until"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "attribution_reach",
        sa.Column("id", sa.Integer(), nullable=False),
        _time("until"),
        sa.PrimaryKeyConstraint("id"),
    )
