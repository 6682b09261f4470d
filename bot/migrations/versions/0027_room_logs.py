"""How far each room's log goes, and a stamp by which a process knows what it remembers of it."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; rows come with messages."""
    op.create_table(
        "room_log",
        sa.Column("room_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("room_id"),
    )
