"""What members say: rules of signals, open questions, complaints, topics, own words, marks."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _serial(name: str, *, nullable: bool = False, **rest: Any) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=nullable, **rest)


def upgrade() -> None:
    """Add the rule and severity of signals, and the tables that hang on them."""
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rule", sa.String(16), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("severity", sa.Integer(), nullable=True))
    _questions()
    _complaints()
    _topics()
    op.create_table(
        "own_word",
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("word", "kind"),
    )
    op.create_table(
        "mark",
        _serial("message_id", autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("products", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("message_id"),
    )


def _questions() -> None:
    op.create_table(
        "open_question",
        sa.Column("id", sa.Integer(), nullable=False),
        _serial("message_id"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        _time("asked_at"),
        _time("listed_at"),
        _time("due_at"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        _time("claimed_at", nullable=True),
        _time("maybe_at", nullable=True),
        _serial("answer_id", nullable=True),
        sa.Column("answer_key", sa.String(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        _time("closed_at", nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index("ix_open_question_list", "open_question", ["state", "due_at"])
    op.create_index("ix_open_question_room", "open_question", ["room_id", "state"])
    op.create_index("ix_open_question_contact_id", "open_question", ["contact_id"])


def _complaints() -> None:
    op.create_table(
        "complaint",
        sa.Column("id", sa.Integer(), nullable=False),
        _serial("message_id"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        _time("at"),
        _time("due_at"),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        _time("claimed_at", nullable=True),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("closed_by", sa.String(), nullable=True),
        _time("closed_at", nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"]),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index("ix_complaint_list", "complaint", ["state", "due_at"])
    op.create_index("ix_complaint_at", "complaint", ["at"])
    op.create_index("ix_complaint_room_id", "complaint", ["room_id"])
    op.create_index("ix_complaint_contact_id", "complaint", ["contact_id"])


def _topics() -> None:
    op.create_table(
        "topic",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("room_id", sa.Integer(), nullable=True),
        _serial("message_id", nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("before", sa.Float(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("rooms", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        _time("computed_at"),
        sa.PrimaryKeyConstraint("week", "scope", "target", "kind", "rank"),
    )
