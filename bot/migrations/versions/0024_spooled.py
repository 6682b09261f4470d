"""What waits in an account's spool."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; constant defaults, so that a busy table is not rewritten."""
    op.add_column("account", sa.Column("spooled", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("account", sa.Column("spooled_since", sa.DateTime(timezone=True), nullable=True))
