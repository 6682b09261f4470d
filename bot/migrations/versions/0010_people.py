"""People: cuts and acceptances, what finds order lines by their buyer, lines to attribute again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.create_index(
        "ix_identity_edge_right", "identity_edge", ["right_kind", "right_value"], unique=False
    )
    for column in ("unionid", "phone", "buyer"):
        told = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_order_line_{column}",
            "order_line",
            [column],
            unique=False,
            sqlite_where=told,
            postgresql_where=told,
        )
    op.create_table(
        "typed_number",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column(
            "message_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("day", "room_id", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity_cut",
        sa.Column("left_kind", sa.String(16), nullable=False),
        sa.Column("left_value", sa.String(), nullable=False),
        sa.Column("right_kind", sa.String(16), nullable=False),
        sa.Column("right_value", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("left_kind", "left_value", "right_kind", "right_value"),
    )
    op.create_table(
        "identity_acceptance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "dirty_line",
        sa.Column(
            "order_line_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("order_line_id"),
    )
    op.create_table(
        "day_read",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("newest", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recalled", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day"),
    )
