"""/api/v1/series: the content calendar; put a series, submit it, approve it."""

import datetime as dt
from typing import Annotated, Any

import yaml
from fastapi import Body, Path
from pydantic import BaseModel, ConfigDict, Field

from bot.console import reach
from bot.console.api import given
from bot.console.page import ApiReader, ApiWriter, Page
from bot.console.roles import APPROVER, OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import SeriesState
from content_calendar import (
    audits,
    calendar_file,
    contact,
    definition,
    holidays,
    interchange,
    lifecycle,
)
from content_calendar.definition import Stored

Key = Annotated[given.Name, Path(min_length=1)]
Version = Annotated[
    int | None,
    Field(ge=0, le=given.LARGEST, description="What you read; 409 where it stands no more."),
]


class SeriesTold(BaseModel):
    """One series; `series` is what a calendar file would hold; each change raises `version`."""

    key: str
    state: SeriesState
    version: int
    changed_by: str
    changed_at: dt.datetime
    approved_by: str | None
    approved_at: dt.datetime | None
    next_due_at: dt.datetime | None
    series: dict[str, Any]


class Versioned(BaseModel):
    """The version that was looked at; left out: whatever stands."""

    model_config = ConfigDict(extra="forbid")

    version: Version = None


class Written(BaseModel):
    """A series as a calendar file has it (docs: calendar), under `series`; the key of the path."""

    model_config = ConfigDict(extra="forbid")

    series: dict[str, Any]
    version: Version = None


def listed(
    page: ApiReader, limit: given.Limit = 50, cursor: given.Cursor = ""
) -> given.Listing[SeriesTold]:
    """Series that reach a room which the token may see, by key."""
    every = definition.stored(page.session)
    reached = reach.of(page, every)
    place = given.unpack(cursor, str)
    found = [
        each for each in every
        if reached[each.definition.audience].visible
        and (place is None or each.definition.key > place[0])
    ]  # fmt: skip
    found.sort(key=lambda each: each.definition.key)
    shown = found[:limit]
    following = given.pack(shown[-1].definition.key) if len(found) > limit else None
    return given.Listing(items=[_told(each) for each in shown], next=following)


def one(page: ApiReader, key: Key) -> SeriesTold:
    """One series."""
    return _told(reach.one(page, key)[0])


def put(page: ApiWriter, key: Key, written: Written) -> SeriesTold:
    """Write a series as a calendar file would: a new one is a draft, a changed one goes back to
    draft and its pending posts are taken back. The same again changes nothing.
    """
    wanted = _read(page, {**written.series, "key": key})
    stands = definition.stored(page.session, keys=[key])
    if stands:
        reach.changeable(page, key)
        lifecycle.existing(page.session, key, written.version)
    elif written.version:
        raise lifecycle.refuse("version", "还没有这个栏目", "新建时不写 version")
    reach.must_cover(page, wanted.audience)
    interchange.take_in(page.session, [wanted], page.by, page.now)
    return _answer(page, key)


def submit(
    page: ApiWriter, key: Key, asked: Annotated[Versioned | None, Body()] = None
) -> SeriesTold:
    """Ask for approval."""
    reach.changeable(page, key)
    version = asked.version if asked else None
    lifecycle.submit(page.session, key, page.by, page.now, version=version)
    return _answer(page, key)


def approve(
    page: ApiWriter, key: Key, asked: Annotated[Versioned | None, Body()] = None
) -> SeriesTold:
    """Approve it: four eyes hold here too."""
    reach.changeable(page, key)
    rules = contact.rules(page.settings)
    version = asked.version if asked else None
    lifecycle.approve(page.session, [key], page.by, page.now, rules, version=version)
    return _answer(page, key)


def _read(page: Page, series: dict[str, Any]) -> definition.Definition:
    """The same check, with the same words, as for a file."""
    try:
        raw = yaml.safe_dump(
            {"version": calendar_file.VERSION, "series": [series]}, allow_unicode=True
        ).encode()
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError) as error:
        raise InvalidInput(
            Fault("api", 0, "series", "读不懂这个栏目", "照日历文件的写法")
        ) from error
    days = holidays.load(page.session)
    return interchange.read(raw, "api.yaml", page.settings.timezone, days).series[0]


def _answer(page: Page, key: str) -> SeriesTold:
    return _told(definition.stored(page.session, keys=[key])[0])


def _told(found: Stored) -> SeriesTold:
    return SeriesTold(
        key=found.definition.key,
        state=found.state,
        version=found.version,
        changed_by=found.changed_by,
        changed_at=found.changed_at,
        approved_by=found.approved_by,
        approved_at=found.approved_at,
        next_due_at=found.next_due_at,
        series=audits.plain(calendar_file.as_mapping(found.definition)),
    )


ROUTES = (
    Route("GET", "/api/v1/series", listed, VIEWER, api=True),
    Route("GET", "/api/v1/series/{key}", one, VIEWER, api=True),
    Route("PUT", "/api/v1/series/{key}", put, OPERATOR, api=True),
    Route("POST", "/api/v1/series/{key}/submit", submit, OPERATOR, api=True),
    Route("POST", "/api/v1/series/{key}/approve", approve, APPROVER, api=True),
)
