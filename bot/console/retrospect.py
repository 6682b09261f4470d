"""What a room's page tells of the last whole week: its band, its hours, its lift, what rose."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from bot import database
from bot.charts.chart import Heat
from bot.charts.drawing import Drawing
from bot.console import boarding, digesting, roles
from bot.console.page import Page
from bot.console.roles import OPERATOR
from bot.digest import storing
from bot.digest.sheet import Figure, Note, Subject
from bot.insights import topics
from bot.insights.topics import Rising
from bot.models import Digest, DigestScope

DIGEST = database.table(Digest)
MOST = 8


@dataclass(frozen=True, slots=True)
class Lift:
    """What such days added in the room, and in all rooms that they may be compared with, where the
    operator sees those: there is the interval.
    """

    own: Figure
    many: Figure | None


@dataclass(frozen=True, slots=True)
class Retrospect:
    """The last week of which the room has a digest. `questions` are members' words: they are left
    out for who may not read those.
    """

    monday: dt.date
    computed_at: dt.datetime
    verdict: str
    trend: Drawing | None
    hours: Drawing | None
    figures: Sequence[Figure]
    leads: Mapping[str, str]
    lifts: Sequence[Lift]
    words: Sequence[Rising]
    questions: Sequence[Rising]
    notes: Mapping[int, Note]


def gather(page: Page, platform_id: str, vertical: str) -> Retrospect | None:
    """The retrospect of one room that the operator sees; at most five queries."""
    subject = Subject(DigestScope.ROOM, platform_id)
    monday = page.session.connection().scalar(
        select(func.max(DIGEST.c.week)).where(
            DIGEST.c.scope == subject.scope, DIGEST.c.target == platform_id
        )
    )
    if monday is None:
        return None
    wider = _wider(page, vertical)
    found = storing.stored(page.session, monday, [subject, *([wider] if wider else [])])
    sheet = found[subject].sheet
    talk, lift = boarding.section(sheet, "talk"), boarding.section(sheet, "lift")
    drawn = boarding.drawings(talk)
    kinds = [isinstance(chart, Heat) for chart in talk.charts] if talk else []
    heats = [one for one, heat in zip(drawn, kinds, strict=True) if heat]
    columns = [one for one, heat in zip(drawn, kinds, strict=True) if not heat]
    rose = topics.of_week(page.session, monday, DigestScope.ROOM, platform_id).get(subject)
    many = found.get(wider) if wider else None
    others = {each.key: each for each in _figures(many)}
    return Retrospect(
        monday=monday,
        computed_at=found[subject].computed_at,
        verdict=talk.lead.text if talk and talk.lead else "",
        # The days of the week come first, the weeks before it last.
        trend=columns[-1] if len(columns) > 1 else None,
        hours=heats[0] if heats else None,
        figures=boarding.figures(sheet, boarding.COLUMNS),
        leads=digesting.leads(page, digesting.about(monday, found[subject]), sheet),
        lifts=[Lift(each, others.get(each.key)) for each in (lift.figures if lift else ())],
        words=rose.words[:MOST] if rose else (),
        questions=rose.questions[:MOST] if rose and page.may(OPERATOR) else (),
        notes=boarding.notes(sheet),
    )


def _wider(page: Page, vertical: str) -> Subject | None:
    """Whose digest gives the interval: the fleet's, else the room's vertical's."""
    if roles.sees_all(page.someone):
        return storing.FLEET
    if vertical and vertical in boarding.verticals(page):
        return Subject(DigestScope.VERTICAL, vertical)
    return None


def _figures(stored: storing.Stored | None) -> Sequence[Figure]:
    lift = boarding.section(stored.sheet, "lift") if stored else None
    return lift.figures if lift else ()
