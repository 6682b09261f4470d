"""What operators want to reach, and who let a digest out with which words at its top."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Add goals, and the approval of digests."""
    op.create_table(
        "goal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("vertical", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("baseline", sa.Float(), nullable=True),
        sa.Column("baseline_week", sa.Date(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        _time("set_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("metric", "vertical"),
    )
    op.add_column("digest", sa.Column("comment", sa.String(), nullable=False, server_default=""))
    op.add_column("digest", sa.Column("approved_by", sa.String(), nullable=True))
    op.add_column("digest", _time("approved_at", nullable=True))
    op.add_column("digest", _time("sent_at", nullable=True))
