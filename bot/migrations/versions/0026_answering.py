"""Answers that are not sent yet, and curated answers that somebody made of one or retired."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    with op.batch_alter_table("open_question", schema=None) as batch_op:
        batch_op.add_column(sa.Column("draft", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("faq", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("question_id", sa.Integer(), nullable=True))
