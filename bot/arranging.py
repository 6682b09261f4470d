"""What operators say of rooms: the one way to write the columns and tags that are theirs to say.

Files (`room_files`), the console and its API all come through here, so that what follows from a
change follows wherever it was made. Days of a room are local: whoever changes a zone recounts the
room's days (`counting.recount`), which takes its time.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Integer, Text, delete, select, tuple_, update
from sqlmodel import Session

from bot import database, outbox
from bot.models import Room, RoomTag, Series

ROOM, TAG, SERIES = database.tables(Room, RoomTag, Series)
# The columns that operators decide.
TOPIC, VERTICAL, ZONE, ACCOUNT, OWNER, MENTION_ALL = COLUMNS = (
    "topic", "vertical", "zone", "account_id", "owner", "mention_all",
)  # fmt: skip


def write(session: Session, column: str, values: Mapping[int, Any]) -> None:
    """Write one of `COLUMNS`, by room id, in one statement, with what follows from it: what waits
    for a room goes along to its account, and with a zone the planner looks at every series anew.
    """
    if column not in COLUMNS:
        raise ValueError(f"{column} is not for operators to say")
    if not values:
        return
    types = {"id": Integer(), "value": ROOM.c[column].type}
    source = database.given(session, types, list(values.items()))
    session.connection().execute(
        update(ROOM).where(ROOM.c.id == source.c.id).values({column: source.c.value})
    )
    if column == ACCOUNT:
        served = {room: account for room, account in values.items() if account is not None}
        outbox.reassign(session, served)
    elif column == ZONE:
        # A wall clock that no room had may come before what the planner waits for.
        session.connection().execute(update(SERIES).values(next_due_at=None))


def tag(session: Session, pairs: Collection[tuple[int, str]]) -> None:
    """Give rooms tags: (room id, tag). Safe to repeat."""
    rows = [{"tag": name, "room_id": room} for room, name in pairs]
    database.insert_rows(session, RoomTag, rows, skip_existing=True)


def untag(session: Session, pairs: Collection[tuple[int, str]]) -> None:
    """Take tags off rooms: (room id, tag). Safe to repeat."""
    if not pairs:
        return
    given = database.given(session, {"room_id": Integer(), "tag": Text()}, list(pairs))
    chosen = select(given.c.room_id, given.c.tag)
    session.connection().execute(delete(TAG).where(tuple_(TAG.c.room_id, TAG.c.tag).in_(chosen)))
