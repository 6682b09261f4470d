"""Who sees one vertical sees nothing else: every route of the app, asked by everybody held to one,
and no answer holds the mark that everything of the other vertical bears.
"""

import itertools
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from bot import database
from bot.digest.behind import Listed
from bot.insights.behind import What
from bot.insights.funnel import Ahead
from bot.models import (
    Complaint,
    Delivery,
    Digest,
    Experiment,
    Goal,
    OpenQuestion,
    OperatorRole,
    Room,
    RoomTag,
    Series,
)
from tests.console import kept_apart
from tests.console.conftest import Desk
from tests.console.kept_apart import MARKS, OURS
from tests.console.test_access import STREAMS, built
from tests.console.test_api import program
from tests.console.test_feeds import link_of
from tests.saying import rows

VIEWER, OPERATOR, _APPROVER, ADMIN = OperatorRole
# What each parameter may be: of ours, then of the others, then anything that there is.
NAMED: Mapping[str, Sequence[str]] = {
    "room_id": ("1", "2"),
    "contact_id": ("1", "2"),
    "delivery_id": ("1", "2"),
    "line_id": ("1", "2"),
    "key": ("ours-series", "anji-series"),
    "name": ("ours.png", "anji.png"),
    "day": ("2026-11-24",),
    "form": ("yaml", "xlsx", "ics", "png", "md", "html"),
    "what": tuple(What),
    "ahead": tuple(Ahead),
    "listed": tuple(Listed),
    "subject": ("rooms", "deliveries", "engagement", "orders", "attribution", "messages"),
    "whom": ("contact-1", "contact-2", "person-1", "person-2"),
    "source": ("shop",),
    **dict.fromkeys(("question_id", "faq_id", "case_id", "rank"), ("1", "2")),
    "kind": ("word", "question"),
    "experiment_id": ("1", "2"),
    **dict.fromkeys(("draw_id", "place", "line", "call_id", "edge_id", "person_id"), ("1", "2")),
    **dict.fromkeys(("feed_id", "token_id", "account_id", "operator_id", "webhook_id"), ("1", "2")),
    **dict.fromkeys(("question_id", "faq_id"), ("1", "2")),
    **dict.fromkeys(("token", "code"), ("unknown",)),
}
# A list may be narrowed to what is not theirs to see.
NARROWED = (
    "?room=2&room_id=2&form=xlsx&view=list&start=2026-11-01&end=2026-12-01&week=2026-W47"
    "&vertical=暗记美妆&trial=暗记怎么用"
)
ECHOED, NOTHING = re.compile(r"anji-series|anji\.png"), re.compile(r"(?!)")
# They end the session that asks.
ENDINGS = {"/logout", "/me/sign-out"}
# Here whoever sees everything reads it.
MARKED = (
    "/rooms", "/rooms/2", "/people", "/orders", "/series", "/deliveries",
    "/deliveries/2", "/calendar/feed?start=2026-11-01&end=2026-12-01", "/pictures/anji.png",
    "/data/export/rooms", "/data/export/messages?form=xlsx", "/data/export/calendar/xlsx",
)  # fmt: skip
THEIR_DIGESTS = ("", kept_apart.THEIRS, "暗记负责人", kept_apart.THEIR_ROOM)
# Nothing of these may change by what somebody asks who does not see them.
THEIRS = (Room, RoomTag, Series, Delivery, OpenQuestion, Complaint, Goal, Experiment, Digest)


@pytest.fixture(scope="module")
def apart(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two verticals with the same of everything, furnished once: what is asked changes nothing."""
    home = tmp_path_factory.mktemp("apart")
    shutil.copy(sqlite_template, home / "qunyun.db")
    engine = database.connect(f"sqlite:///{home / 'qunyun.db'}")
    desk = Desk(engine, home)
    kept_apart.furnish(desk)
    yield desk
    engine.dispose()


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
async def test_no_page_picture_or_file_shows_anything_of_another_vertical(
    apart: Desk, role: OperatorRole
) -> None:
    found = list[str]()
    async with apart.signed_in(role, role, verticals=[OURS]) as browser:
        feed = (await link_of(browser)).removeprefix(str(browser.base_url))
        asked = [*addresses(apart, "GET"), feed]
        for path in asked:
            found += leaks(path, await browser.get(path))
    assert not found, "\n".join(found)
    assert len(asked) > 60


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
async def test_no_program_reads_anything_of_another_vertical(
    apart: Desk, role: OperatorRole
) -> None:
    found = list[str]()
    async with program(apart, role, f"程序 {role}", verticals=[OURS]) as client:
        for path in addresses(apart, "GET", api=True):
            answer = await client.get(path)
            assert answer.status_code != 401, path
            found += leaks(path, answer)
    assert not found, "\n".join(found)


async def test_no_form_changes_or_tells_anything_of_another_vertical(apart: Desk) -> None:
    before, found = theirs(apart), list[str]()
    async with apart.signed_in("表单", OPERATOR, verticals=[OURS]) as browser:
        for path in addresses(apart, "POST"):
            given = {"room": "2", "delivery": "2", "ids": "2", "reason": "试", "key": "anji-series"}
            found += leaks(path, await browser.post(path, data=given))
    assert not found, "\n".join(found)
    assert theirs(apart) == before


async def test_who_sees_everything_finds_the_mark(apart: Desk) -> None:
    # Had the furniture no mark, the tests above would say nothing.
    async with apart.signed_in("小林", ADMIN) as browser:
        # The fleet, their vertical, their owner and their room are told of them.
        told = [f"/digests/{id}/page" for id, target in digests(apart) if target in THEIR_DIGESTS]
        assert len(told) == len(THEIR_DIGESTS)
        for path in (*MARKED, *told):
            assert list(leaks(path, await browser.get(path))), path


def addresses(desk: Desk, method: str, *, api: bool = False) -> Iterator[str]:
    """Every route of the app with all that its parameters may name; lists narrowed down as well."""
    known = {**NAMED, "digest_id": [str(id) for id, _ in digests(desk)]}
    for asked, path in sorted(built(desk)):
        if asked != method or (asked, path) in STREAMS or path in ENDINGS:
            continue
        if path.startswith("/api/v1/") is not api:
            continue
        names = re.findall(r"{(\w+)}", path)
        for values in itertools.product(*(known[name] for name in names)):
            filled = path
            for name, value in zip(names, values, strict=True):
                filled = filled.replace(f"{{{name}}}", value)
            yield filled
            if method == "GET" and not names:
                yield filled + NARROWED


def digests(desk: Desk) -> list[tuple[int, str]]:
    """(id, target) of every digest: of the fleet, both verticals, their owners and their rooms."""
    return [(row.id, row.target) for row in rows(desk.engine, Digest)]


def leaks(path: str, answer: httpx.Response) -> Iterator[str]:
    """Where an answer holds the mark, apart from the address that was asked for."""
    assert answer.status_code < 500, f"{path}: {answer.text}"
    # Whoever asks for a name is told that name again.
    named = ECHOED if answer.status_code >= 300 else NOTHING
    for told in kept_apart.told(answer):
        text = named.sub("", told)
        place = min((text.find(mark) for mark in MARKS if mark in text), default=-1)
        if place >= 0:
            yield f"{path}: {answer.status_code}: …{text[max(place - 60, 0) : place + 40]}…"
            return


def theirs(desk: Desk) -> list[tuple[object, ...]]:
    """What stands of the other vertical."""
    return [
        tuple(row)
        for model in THEIRS
        for row in rows(desk.engine, model)
        if "暗记" in str(row) or "anji" in str(row) or database.table(model).name == "delivery"
    ]
