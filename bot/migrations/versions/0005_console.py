"""What the console needs: scopes, sessions, one-time links, failed logins and tokens."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Add what lets operators in."""
    with op.batch_alter_table("operator", schema=None) as batch_op:
        for name in ("verticals", "tags"):
            batch_op.add_column(sa.Column(name, sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("language", sa.String(), nullable=True))

    op.create_table(
        "operator_session",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        _time("created_at"),
        _time("seen_at"),
        _time("expires_at"),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "operator_link",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "login_failure",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    for table, column in (
        ("operator_session", "operator_id"),
        ("operator_link", "operator_id"),
        ("login_failure", "at"),
        ("api_token", "operator_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
