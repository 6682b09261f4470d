"""When people talk: messages by hour of the week in the roll-ups."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the hours; the next night makes the roll-ups again, and reading is right until then."""
    # Roll-ups are derived: emptied, they are added up on the spot.
    op.execute(sa.delete(sa.table("rolled")))
    op.execute(sa.delete(sa.table("engagement_week")))
    op.add_column(
        "engagement_week",
        sa.Column("hours", sa.JSON(none_as_null=True), nullable=False, server_default="[]"),
    )
