"""What a process remembers of rooms saves reading, and is never taken for more than the log."""

import pytest
from sqlalchemy import Engine

from bot import database, ingest, memory
from bot.memory import Memory
from bot.models import Message, Room, RoomLog, Signal, SignalKind
from tests.journeys.test_ingest import agrees
from tests.saying import member_says, record, rows, rules

TEXT = "今天带娃去公园玩了一整天好开心"


def repeats(engine: Engine) -> int:
    return sum(row.kind is SignalKind.NEAR_DUPLICATE for row in rows(engine, Signal))


def change_text(engine: Engine) -> None:
    message = database.table(Message)
    with database.transaction(engine) as session:
        session.connection().execute(message.update().values(text="别的"))


@pytest.mark.tampers
@pytest.mark.parametrize("told", [False, True])
def test_a_room_is_read_again_only_where_its_log_was_changed(engine: Engine, told: bool) -> None:
    """What stands is changed from outside, which nobody does; who tells is believed."""
    known = Memory()
    record(engine, member_says(TEXT, "2026-11-09 20:00"), memory=known)
    change_text(engine)
    if told:
        with database.transaction(engine) as session:
            memory.disturb(session, [row.id for row in rows(engine, Room)])
    record(engine, member_says(TEXT, "2026-11-09 20:05"), memory=known)
    assert repeats(engine) == (0 if told else 1)


def test_what_was_rolled_back_is_not_remembered(engine: Engine) -> None:
    known, other = Memory(), Memory()
    record(engine, member_says("早", "2026-11-09 19:00"), memory=known)
    with pytest.raises(ZeroDivisionError), database.transaction(engine) as session:
        ingest.record(session, [member_says(TEXT, "2026-11-09 20:00")], rules(engine), known)
        raise ZeroDivisionError
    record(engine, member_says("好", "2026-11-09 20:00"), memory=other)
    record(engine, member_says(TEXT, "2026-11-09 20:05"), memory=known)
    assert repeats(engine) == 0
    assert agrees(engine)


def test_messages_that_stood_before_rows_of_logs_were_kept_are_read(engine: Engine) -> None:
    record(engine, member_says(TEXT, "2026-11-09 20:00"))
    with database.transaction(engine) as session:
        session.connection().execute(database.table(RoomLog).delete())
    known = Memory()
    record(engine, member_says(TEXT, "2026-11-09 19:00"), memory=known)
    assert repeats(engine) == 1
    record(engine, member_says(TEXT, "2026-11-09 20:05"), memory=known)
    assert repeats(engine) == 2
    assert agrees(engine)


def test_rooms_that_fell_silent_are_forgotten_and_the_most_is_kept(engine: Engine) -> None:
    known = Memory(most=3)
    record(engine, member_says(TEXT, "2026-11-08 20:00", room="silent"), memory=known)
    record(engine, member_says(TEXT, "2026-11-09 21:00", room="a"), memory=known)
    assert len(known.rooms) == 1
    for minute in range(2):
        for room in ("a", "b"):
            record(
                engine, member_says(f"{TEXT}{minute}", f"2026-11-09 21:1{minute}", room=room),
                memory=known,
            )  # fmt: skip
    assert len(known.rooms) == 1
    assert known.size == 2
    assert repeats(engine) == 3
    assert agrees(engine)


def test_a_log_in_pieces_is_understood_as_in_one(engine: Engine) -> None:
    """Every batch by a process that has to read the room first, but for a few."""
    said = [
        member_says(TEXT if number % 3 else f"第{number}条", f"2026-11-09 20:{number:02}")
        for number in range(12)
    ]
    memories = [Memory(), Memory()]
    for number, one in enumerate(said):
        record(engine, one, memory=memories[number // 2 % 2])
    assert repeats(engine) == 7
    assert agrees(engine)
