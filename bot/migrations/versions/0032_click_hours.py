"""Clicks that came too many to be listed, counted by link and hour."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "click_hour",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("hour", moment, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("last_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["code"], ["short_link.code"]),
        sa.PrimaryKeyConstraint("code", "hour", "kind"),
    )
    op.create_index("ix_click_hour_hour", "click_hour", ["hour"])
