"""How each process is, how often an account logged in, what its spool refused: for /metrics."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; a column with a constant for a default takes a moment on a table of any size."""
    op.create_table(
        "process_vital",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loop_lag", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    for name in ("logins", "refused"):
        op.add_column("account", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
