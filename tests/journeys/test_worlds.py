"""The simulated worlds through real tables: what is read there is what was planted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from bot import database
from bot.bench import attribution as bench
from bot.bench import attribution_text
from bot.bench.worlds import recorded, stored, story, texts
from bot.bench.worlds.catalogue import WORLDS
from bot.errors import InvalidInput
from bot.insights import attributing, calibrating, chronicle, classing, shares
from bot.insights.estimates import Estimate
from bot.models import Label

WORLD = replace(WORLDS["ordinary-15"], rooms=50, members=30, days=28)
MARKS = Estimate(0.9, 0.02)


@pytest.mark.tampers
def test_a_world_in_the_tables_reads_as_its_columns_do_and_gives_the_same_shares(
    engine: Engine,
) -> None:
    rng = np.random.default_rng(3)
    happened = story.tell(WORLD, rng)
    perceived = recorded.perceive(happened, rng)
    planted = recorded.record(happened, perceived)
    now = stored.end(WORLD)
    with database.transaction(engine) as session:
        stored.store(session, happened, perceived)
    with database.transaction(engine) as session:
        classing.class_new(session, now)
    with database.reading(engine) as session:
        found = chronicle.gather(session, None, None)
    begin = int(stored.BEGIN.timestamp())
    assert (found.talk.room == planted.talk.room + 1).all()
    assert (found.talk.at == planted.talk.at + begin).all()
    assert (found.talk.touch == planted.talk.touch).all()
    assert (found.lines.at == planted.lines.at + begin).all()
    by_columns, by_tables = (bench.judge(happened, each, MARKS) for each in (planted, found))
    assert by_tables == by_columns
    assert by_columns.last_touch > by_columns.organic + 0.2

    with database.transaction(engine) as session:
        summary = attributing.attribute_all(session, now)
        told = shares.share(session, least_lines=0)
    assert summary.lines == len(planted.lines.at)
    assert min(summary.labels[each] for each in Label if each != Label.OUT) > 0
    assert told.organic.value is not None
    assert told.mirror.value is not None
    assert told.warnings[0] == shares.NO_LABELS
    with database.transaction(engine) as session:
        assert attributing.attribute_all(session, now).changed == 0
        assert not calibrating.fit_due(session, now)


def test_a_world_that_speaks_in_texts_is_heard_and_gives_nearly_the_same_shares(
    tmp_path: Path,
) -> None:
    """Whatever the database: what is told of texts stands in the same rows."""
    world = replace(texts.WORLD, rooms=50, members=30, days=21, messages_a_day=40.0, effect=0.06)
    spoken, planted = (database.connect(f"sqlite:///{tmp_path / x}") for x in ("text", "planted"))
    for each in (spoken, planted):
        database.migrate(each)
    told = attribution_text.compare(spoken, planted, world, 5)
    for each in (spoken, planted):
        each.dispose()
    # Names that the shop never listed and words like "this" are missed; names of others are not
    # told from products.
    assert 0.6 < told.recall < 0.95
    assert 0.9 < told.precision < 1.0
    assert told.marks.value == pytest.approx(told.recall, abs=0.3)
    assert told.same_label > 0.85
    off = told.text.waves.value - told.planted.waves.value
    assert abs(off) < 2 * told.text.waves.error
    assert attribution_text.as_object(told)["true"] == round(told.planted.organic * 100, 2)


def test_the_bench_names_a_world_that_is_not_there() -> None:
    with pytest.raises(InvalidInput, match="no world mars"):
        bench.measure(["mars"], 1, 1, "sqlite", tables=False, speed=False)


def test_the_bench_sums_up_errors_in_points() -> None:
    def said(value: float) -> bench.Judged:
        estimate = Estimate(value, 0.02)
        return bench.Judged(100, 0.30, 0.2, 0.5, estimate, estimate, Estimate(0.2, 0.01), 0.9)

    told = bench.summary([said(0.32), said(0.24)])
    assert told["true"] == {"organic": 30.0, "promo": 20.0, "base": 50.0}
    assert told["waves"] == {"bias": -2.0, "mae": 4.0, "coverage": 0.5, "width": 8.18}
    assert told["last_touch"] == {"bias": 60.0, "mae": 60.0, "coverage": None, "width": None}
    assert told["apart"] == 0.0
