"""What a message says as it stands: nothing once it was recalled or its text was dropped."""

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, select

from bot import database
from bot.models import Message, Signal, SignalKind

MESSAGE, SIGNAL = database.tables(Message, Signal)


def text(named: FromClause) -> ScalarSelect[str | None]:
    """The text of the message that a row's `day`, `room_id` and `message_id` name, or NULL."""
    return (
        select(MESSAGE.c.text)
        .where(
            MESSAGE.c.day == named.c.day,
            MESSAGE.c.room_id == named.c.room_id,
            MESSAGE.c.id == named.c.message_id,
            ~recalled(named),
        )
        .correlate(named)
        .scalar_subquery()
    )


def recalled(named: FromClause, id: ColumnElement[int] | None = None) -> ColumnElement[bool]:
    """Whether that message was recalled; `id` where it is not `message_id` that names it."""
    named_by = named.c.message_id if id is None else id
    return (
        select(SIGNAL.c.message_id)
        .where(
            SIGNAL.c.day == named.c.day,
            SIGNAL.c.room_id == named.c.room_id,
            SIGNAL.c.message_id == named_by,
            SIGNAL.c.kind == SignalKind.RECALLED,
        )
        .correlate(named)
        .exists()
    )
