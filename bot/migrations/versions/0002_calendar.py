"""Series: priority, topics, variants, attachments, special days, forbidden words, picks"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the whole calendar needs; rows that stand keep posting as they did."""
    op.create_table(
        "forbidden_word",
        sa.Column("word", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("word"),
    )
    op.create_table(
        "special_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "picked_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("original_date", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("series_id", "original_date", "text"),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("capabilities", sa.JSON(), nullable=True))

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("mention_all", sa.Boolean(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("card", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("topic", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("variant", sa.String(), nullable=True))

        waiting = sa.text("state IN ('pending', 'claimed', 'sending')")
        batch_op.create_index(
            "ix_delivery_waiting",
            ["room_id", "due_at"],
            unique=False,
            sqlite_where=waiting,
            postgresql_where=waiting,
        )
        batch_op.drop_index("ix_delivery_state")
        batch_op.create_index(
            "ix_delivery_state", ["state", "due_at", "room_id", "kind"], unique=False
        )
        sent = sa.text("sending_at IS NOT NULL")
        for name, column in (("room", "room_id"), ("account", "account_id")):
            batch_op.drop_index(f"ix_delivery_{name}")
            batch_op.create_index(
                f"ix_delivery_{name}",
                [column, "sending_at"],
                unique=False,
                sqlite_where=sent,
                postgresql_where=sent,
            )

    with op.batch_alter_table("room", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("mention_all", sa.Boolean(), nullable=False, server_default="0")
        )

    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="5"))
        batch_op.add_column(sa.Column("topic", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("also", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(
            sa.Column(
                "seed",
                sa.Integer(),
                nullable=False,
                server_default="0",
            )
        )
        batch_op.add_column(sa.Column("changed_by", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_series_due", ["state", "next_due_at"], unique=False)

    with op.batch_alter_table("series_step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rooms", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("rotate", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("ab", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("image", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("link", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("mini_program", sa.JSON(), nullable=True))
        batch_op.add_column(
            sa.Column("mention_all", sa.Boolean(), nullable=False, server_default="0")
        )
