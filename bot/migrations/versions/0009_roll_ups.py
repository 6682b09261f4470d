"""Roll-ups of rooms' days and weeks, so that figures need not read every counter."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _room() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["room_id"], ["room.id"])


def upgrade() -> None:
    """Make the tables; the next nightly work fills them from the counters."""
    op.create_table(
        "rolled",
        *_numbers("room_id"),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("inputs", sa.String(), nullable=False),
        _room(),
        sa.PrimaryKeyConstraint("room_id"),
    )
    op.create_table(
        "room_day",
        sa.Column("day", sa.Date(), nullable=False),
        *_numbers(
            "room_id", "messages", "effective_messages", "speakers", "members", "questions",
            "answered", "answered_by_members", "shares", "product_mentions", "rule_version",
        ),
        _room(),
        sa.PrimaryKeyConstraint("day", "room_id"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "member_week",
        *_numbers("room_id"),
        sa.Column("week", sa.Date(), nullable=False),
        *_numbers("contact_id", "messages", "effective_messages", "days", "rule_version"),
        _room(),
        sa.PrimaryKeyConstraint("room_id", "week", "contact_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "engagement_week",
        sa.Column("week", sa.Date(), nullable=False),
        *_numbers(
            "room_id", "room_days", "messages", "effective_messages", "questions", "shares",
            "product_mentions", "speaker_days", "member_days", "speakers", "members",
            "month_speakers", "month_members", "seats_new", "seats_returning",
            "seats_resurrected", "seats_dormant", "joins", "leaves", "newcomers", "activated", "ties",
            "returned",
        ),
        sa.Column("speech", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("asked", sa.JSON(none_as_null=True), nullable=False),
        *_numbers("rule_version"),
        _room(),
        sa.PrimaryKeyConstraint("week", "room_id"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "audience_week",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        *_numbers("person_days", "weekly", "monthly"),
        sa.PrimaryKeyConstraint("week", "scope", "target"),
        sqlite_with_rowid=False,
    )
