"""What the recogniser's errors cost attribution: one world twice, as texts and heard perfectly."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from sqlalchemy import Engine, select

from bot import database
from bot.bench import attribution, databases
from bot.bench.attribution import Judged
from bot.bench.worlds import recorded, stored, story, texts
from bot.bench.worlds.catalogue import DAY, World
from bot.bench.worlds.recorded import Perceived
from bot.bench.worlds.tables import Story
from bot.insights import attributing, chronicle
from bot.insights.estimates import Estimate
from bot.models import Attribution, Label, OrderLine

PERFECT = Estimate(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Compared:
    """The same world both times. `recall` and `precision` are the recogniser's, `marks` the recall
    as a person's marks tell it, `same_label` is a part of the lines.
    """

    mentions: int
    recall: float
    precision: float
    marks: Estimate
    text: Judged
    planted: Judged
    same_label: float


def measure(kind: str, seed: int) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `attribution`, key `text`: recall and precision
    of the recogniser, shares in points (estimate less truth) from texts with R by 300 marks, and
    where every mention was heard; and which part of the lines got the same label both times.
    """
    with databases.empty(kind) as one, databases.empty(kind) as other:
        engines = database.connect(one), database.connect(other)
        try:
            return as_object(compare(*engines, texts.WORLD, seed))
        finally:
            for engine in engines:
                engine.dispose()


def compare(spoken: Engine, planted: Engine, world: World, seed: int) -> Compared:
    """One seed of a world in two empty databases at head."""
    rng = np.random.default_rng(seed)
    happened = story.tell(world, rng)
    perceived = recorded.perceive(happened, rng)
    inside = happened.mentions.at < world.days * DAY
    recall, precision, marks = _through_text(spoken, happened, perceived, rng)
    with database.transaction(planted) as session:
        stored.store(session, happened, replace(perceived, heard=inside))
    said, labels = _judged(spoken, happened, marks)
    heard, others = _judged(planted, happened, PERFECT)
    same = sum(labels[each] == others[each] for each in labels) / len(labels)
    return Compared(int(inside.sum()), recall, precision, marks, said, heard, same)


def as_object(told: Compared) -> dict[str, object]:
    """What the bench prints; estimates as their errors in points."""
    return {
        "mentions": told.mentions,
        "recall": round(told.recall, 3),
        "precision": round(told.precision, 3),
        "R": round(told.marks.value, 3),
        "true": round(told.text.organic * 100, 2),
        "text": _errors(told.text),
        "planted": _errors(told.planted),
        "same_label": round(told.same_label, 3),
    }


def _through_text(
    engine: Engine, happened: Story, perceived: Perceived, rng: Generator
) -> tuple[float, float, Estimate]:
    """Recall and precision of the recogniser, and R as marks tell it."""
    with database.transaction(engine) as session:
        texts.store(session, happened, perceived, rng)
    with database.reading(engine) as session:
        found, wrong = texts.heard(session, happened)
    inside = happened.mentions.at < happened.world.days * DAY
    right = int(found.sum())
    return float(found[inside].mean()), right / (right + wrong), texts.marks(found, happened, rng)


def _judged(engine: Engine, happened: Story, marks: Estimate) -> tuple[Judged, dict[str, Label]]:
    now = stored.end(happened.world) + dt.timedelta(days=4)
    told, line = database.tables(Attribution, OrderLine)
    with database.transaction(engine) as session:
        attributing.attribute_all(session, now, calibrate=False)
        judged = attribution.judge(happened, chronicle.gather(session, None, None), marks)
        labels = session.connection().execute(
            select(line.c.order_id, told.c.label).join(line, line.c.id == told.c.order_line_id)
        )
        return judged, {row[0]: row[1] for row in labels}


def _errors(judged: Judged) -> dict[str, float]:
    """How far the estimates are from the truth, in points, and how wide the interval is."""
    wide = judged.waves.high - judged.waves.low
    values = judged.waves.value - judged.organic, judged.mirror.value - judged.organic, wide
    return dict(zip(("waves", "mirror", "width"), (round(v * 100, 2) for v in values), strict=True))
