"""The demo, small: through the real ingest, planner, outbox, attribution and digests."""

import asyncio
import datetime as dt
import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import typer
from sqlmodel import Session, select
from typer.testing import CliRunner

from bot import database
from bot.commands import demo
from bot.demo import serving, story
from bot.demo.story import Summary
from bot.errors import InvalidInput
from bot.models import Delivery, DeliveryState, Label, RoomWeek

# The lift of a kind of day is told of rooms with 28 days of log.
ROOMS, DAYS = 6, 28


def told(home: Path, rooms: int = ROOMS, days: int = DAYS, seed: int = 7) -> Summary:
    return asyncio.run(story.tell(home, rooms, days, seed, lambda doing, share: None))


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """One demo, made once for this file."""
    return told(tmp_path_factory.mktemp("demo") / "home")


@pytest.fixture
def session(summary: Summary) -> Iterator[Session]:
    """A view of that demo's database."""
    engine = database.connect(f"sqlite:///{summary.home / 'qunyun.db'}")
    with database.reading(engine) as opened:
        yield opened
    engine.dispose()


def test_everything_that_was_said_is_in_the_log_once(summary: Summary) -> None:
    assert summary.accepted == summary.messages > 1000


def test_the_log_derives_to_the_same_tables_again(summary: Summary) -> None:
    assert summary.compared > summary.accepted / 2
    assert summary.differences == 0


def test_every_post_is_accounted_for_and_what_may_be_missing_is_listed(
    summary: Summary, session: Session
) -> None:
    deliveries = session.exec(select(Delivery)).all()
    assert Counter(each.state for each in deliveries) == summary.states
    assert summary.states[DeliveryState.SENT] > 50
    # The platform falters on one day: two posts vanish unanswered, one is refused.
    assert summary.states[DeliveryState.UNCERTAIN] == 2
    assert summary.states[DeliveryState.FAILED] == 1
    assert all(each.reason for each in deliveries if each.state != DeliveryState.SENT)


def test_a_message_of_the_platform_settles_one_post_at_the_most(session: Session) -> None:
    posted = session.exec(select(Delivery.room_id, Delivery.message_id)).all()
    named = [tuple(each) for each in posted if each[1] is not None]
    assert named and len(set(named)) == len(named)


def test_orders_that_promotions_made_are_labelled_so(summary: Summary) -> None:
    made = sum(row.get("promo", 0) for label, row in summary.causes.items() if label != Label.OUT)
    assert made and summary.causes[Label.PROMO]["promo"] > 0.8 * made


def test_openings_lift_talk(summary: Summary) -> None:
    for planted, found in summary.lifts.values():
        assert planted > 0
        assert found is not None and found > 0


def test_a_share_is_told_where_there_are_orders_enough_for_one(summary: Summary) -> None:
    # Six rooms are too few: the table says what was planted, and that nothing was estimated.
    assert summary.share is None
    assert sum(summary.causes[Label.ORGANIC].values()) > 0


def test_digests_stand_for_the_fleet_every_vertical_owner_and_room(summary: Summary) -> None:
    names = {path.stem for path in (summary.home / "digests" / "2026-W47").glob("*.md")}
    scopes = Counter(name.partition("-")[0] for name in names)
    assert scopes == {"fleet": 1, "vertical": 6, "owner": 1, "room": ROOMS}
    index = (summary.home / "digests" / "index.html").read_text(encoding="utf-8")
    assert "2026-W47/fleet.html" in index


def test_weeks_before_the_log_are_marked_as_simulated(session: Session) -> None:
    weeks = session.exec(select(RoomWeek)).all()
    assert len(weeks) == 24 * ROOMS
    assert {week.origin for week in weeks} == {"simulated"}
    assert all(week.speakers <= week.members for week in weeks)


def test_a_demo_made_again_stands_afresh_with_the_same_counts(tmp_path: Path) -> None:
    first, second = (told(tmp_path / "demo", rooms=6, days=2) for _ in range(2))
    assert (first.messages, first.states, first.causes, first.compared) == (
        (second.messages, second.states, second.causes, second.compared)
    )


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="不是演示目录"):
        told(tmp_path, rooms=1, days=1)


def test_the_command_prints_labels_beside_the_planted_truth(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(demo.demo)
    home = tmp_path / "demo"
    done = CliRunner().invoke(
        app, ["--home", str(home), "--rooms", "3", "--days", "2", "--no-serve"]
    )
    assert done.exit_code == 0, done.output
    assert "埋下的真相" in done.output
    assert "群聊引起的订单行：埋下" in done.output and "周报不作估计" in done.output
    assert "全部一致" in done.output
    assert json.loads((home / "demo.json").read_text(encoding="utf-8"))["seed"] == 7


async def test_the_console_is_served_on_this_machine_alone_and_the_community_goes_on(
    summary: Summary,
) -> None:
    stop, told = asyncio.Event(), asyncio.Queue[str]()

    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    served = asyncio.create_task(serving.serve(summary.home, 0, now, stop, told.put_nowait))
    async with asyncio.timeout(60):
        link = await told.get()
        assert link.startswith("http://127.0.0.1:")
        given = {"name": "小林", "password": "correct horse", "again": "correct horse"}
        ours = {"sec-fetch-site": "same-origin"}
        async with httpx.AsyncClient(headers=ours, follow_redirects=True) as browser:
            assert (await browser.post(link, data=given)).status_code == 200
            overview = await browser.get(str(httpx.URL(link).join("/")))
            assert "总览" in overview.text
            assert "demo-1" in overview.text
        stop.set()
        await served


async def test_a_taken_port_is_named_with_its_remedy(tmp_path: Path, summary: Summary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match="换一个端口"):
            await serving.serve(
                summary.home, port, lambda: serving.ENDS_AT, asyncio.Event(), lambda _: None
            )
