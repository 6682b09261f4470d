"""Deliveries that go again: since when their first sending may be in the room."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("doubtful_since", sa.DateTime(timezone=True), nullable=True))
