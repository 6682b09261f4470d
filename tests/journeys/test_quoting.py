"""What a message quotes is found by its name, be it ever so odd."""

import pytest
from sqlalchemy import Engine, select

from bot import database
from bot.insights import threads
from bot.models import Message
from tests.saying import member_says, record


@pytest.mark.parametrize("name", ["m1", "m\0one", "m\ud800one", "m\ufdd0one", 'm"\\{,}'])
def test_what_is_quoted_is_found_by_its_name(engine: Engine, name: str) -> None:
    record(
        engine,
        member_says("粉底液怎么样", "2026-11-09 20:00", id=name),
        member_says("在", "2026-11-09 20:01", id="m"),
        member_says("好用", "2026-11-09 20:02", id="reply", quote=name),
    )
    message = database.table(Message)
    with database.transaction(engine) as session:
        connection = session.connection()
        asked = connection.execute(select(message).where(message.c.text == "粉底液怎么样")).one()
        quoting = connection.execute(select(message).where(message.c.text == "好用")).all()
        found = threads.quoted(session, quoting)
    assert found == {quoting[0].id: (asked.id, int(asked.at.timestamp()))}
