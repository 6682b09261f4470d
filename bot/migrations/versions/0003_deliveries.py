"""Deliveries: accounts behind which people post, accounts that stand by, posts taken back"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what failover, the manual gateway and recalls need."""
    op.create_table(
        "account_room",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.PrimaryKeyConstraint("account_id", "room_id"),
    )
    with op.batch_alter_table("account_room", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_room_room_id"), ["room_id"], unique=False)

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("posting", sa.String(), nullable=False, server_default="direct")
        )

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        for name in ("recall_asked_at", "recalled_at"):
            batch_op.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
