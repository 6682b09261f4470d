"""Pauses: what one lets through, the word that it stands."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name the delivery that a pause does not hold back."""
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.add_column(sa.Column("besides", sa.String(), nullable=True))
