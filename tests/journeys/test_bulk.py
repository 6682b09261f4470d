"""Numbers go in and come out by the column as they do by the row, on both databases."""

import datetime as dt

import numpy as np
import pytest
from sqlalchemy import Engine, func, literal_column, select

from bot import bulk, database
from bot.models import LateTalk

LATE = database.table(LateTalk)
AT = dt.datetime(2026, 3, 1, 23, 59, 59, tzinfo=dt.UTC)


def test_columns_of_ours_come_back_as_they_went_in(engine: Engine) -> None:
    told = {"a": np.array([3, -1, 2**40]), "b": np.array([0, 7, 9])}
    with database.reading(engine) as session:
        given = bulk.given(session, told)
        found = bulk.columns(session, select(given.c.a, given.c.b))
        nothing = bulk.columns(session, select(given.c.a).where(given.c.b < 0))
    rows = sorted(zip(*(each.tolist() for each in found), strict=True))
    assert rows == [(-1, 7), (3, 0), (2**40, 9)]
    assert [each.tolist() for each in nothing] == [[]]


def test_seconds_and_days_in_a_statement_are_the_instants_and_dates_that_a_row_holds(
    engine: Engine,
) -> None:
    second, day = int(AT.timestamp()), (AT.date() - bulk.EPOCH).days
    with database.transaction(engine) as session:
        rows = [{"room_id": room, "since": AT, "until": AT} for room in (1, 2)]
        database.insert_rows(session, LateTalk, rows)
    with database.reading(engine) as session:
        given = bulk.given(session, {"at": np.array([second]), "day": np.array([day])})
        told = select(bulk.instant(given.c.at, session), bulk.day(given.c.day, session))
        same = select(LATE.c.room_id).join(given, LATE.c.since == bulk.instant(given.c.at, session))
        assert session.connection().execute(told).one() == (AT, AT.date())
        assert sorted(bulk.columns(session, same)[0].tolist()) == [1, 2]


def test_a_value_that_is_missing_is_refused_and_not_made_up(engine: Engine) -> None:
    with database.reading(engine) as session, pytest.raises(TypeError):
        bulk.columns(session, select(literal_column("NULL").label("a")))


def test_a_value_that_is_missing_beside_others_is_refused_too(engine: Engine) -> None:
    with database.reading(engine) as session:
        given = bulk.given(session, {"a": np.array([1, 2])})
        odd = select(given.c.a, func.nullif(given.c.a, 2).label("b"))
        with pytest.raises(TypeError):
            bulk.columns(session, odd)


def test_rows_are_found_by_numbers_of_ours_once_each(engine: Engine) -> None:
    with database.transaction(engine) as session:
        rows = [{"room_id": room, "since": AT, "until": AT} for room in (1, 2, 3)]
        database.insert_rows(session, LateTalk, rows)
    with database.reading(engine) as session:
        for wanted, there in (([3, 1, 3, 8], [1, 3]), ([], [])):
            among = bulk.among(LATE.c.room_id, np.array(wanted, np.int64), session)
            found = bulk.columns(session, select(LATE.c.room_id).where(among))
            assert sorted(found[0].tolist()) == there
