"""Experiments whose series is not ours to know: they were drawn elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the series be unknown."""
    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.alter_column("series_id", existing_type=sa.Integer(), nullable=True)
