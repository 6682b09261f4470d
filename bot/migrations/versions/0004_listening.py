"""Listening: which account hears a room, what another one heard, and deliveries claimed in order"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name the listener of each room; order what is pending by id within a moment."""
    with op.batch_alter_table("room", schema=None) as batch_op:
        batch_op.add_column(sa.Column("listener_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("listener_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "overheard",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("twin", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "room_id", "platform_id"),
    )
    op.create_index("ix_overheard_room", "overheard", ["room_id", "settled"])
    op.create_index("ix_overheard_at", "overheard", ["at"])
    op.drop_index("ix_delivery_pending", "delivery")
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["account_id", "priority", "due_at", "id"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
