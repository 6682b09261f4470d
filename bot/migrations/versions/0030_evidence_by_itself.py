"""Evidence is written and removed with the attribution it belongs to: that alone refers to others.

Two look-ups for each of several hundred thousand rows were a tenth of what attributing takes.
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}


def upgrade() -> None:
    """Take the two references off; SQLite never named them."""
    with op.batch_alter_table("attribution_evidence", naming_convention=NAMES) as batch_op:
        for column in ("order_line_id", "room_id"):
            batch_op.drop_constraint(f"attribution_evidence_{column}_fkey", type_="foreignkey")
