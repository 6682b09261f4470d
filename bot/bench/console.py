"""`qunyun bench console`: every page of the console over a large community."""

import asyncio
import gc
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from sqlalchemy import Engine, event

from bot import collecting, database
from bot.bench import databases, large, shop
from bot.console import operators, pages, serving, sessions, web
from bot.insights import segments
from bot.models import OperatorRole
from bot.settings import Settings
from bot.webhooks import happenings, registry

LOADS = 20
TABS = 15
# What stands for the parts of a path that name something.
SAMPLES = {
    "room_id": "7", "contact_id": "7", "delivery_id": "7", "key": "series-02", "operator_id": "1",
    "webhook_id": "1", "whom": "contact-7", "day": "2026-11-25", "question_id": "7",
    "case_id": "7", "faq_id": "1", "kind": "question", "rank": "1", "digest_id": "1",
    "what": "messages", "ahead": "mentions", "listed": "joins", "line_id": "7",
    "experiment_id": "1",
}  # fmt: skip
# They show no page: the stream, pictures that are not there, redirects, files, what programs ask.
NO_PAGES = {
    "/events", "/deliveries/{delivery_id}/image", "/login", "/calendar/feed",
    "/privacy/people/{whom}/export", "/pictures/{name}", "/l/{code}", "/link/{token}",
    "/data/export/calendar/{form}", "/data/export/{subject}", "/digests/{digest_id}/file/{form}",
    "/feeds/{token}", "/webhooks/orders/{source}",
}  # fmt: skip
# Pages as operators narrow them down.
VIEWS = (
    "/calendar/feed?start=2026-10-26&end=2026-12-07",
    "/rooms?search=1999", "/rooms?search=交流&number=20", "/rooms?tag=城市3",
    "/deliveries?day=fortnight", "/deliveries?state=uncertain", "/deliveries?room=1999",
    "/deliveries?series=series-07&day=week", "/deliveries?account=bot3",
    "/boards?vertical=垂类3", "/people?tag=active&number=9", "/people?search=员39",
    "/questions?show=answered&number=9", "/complaints?show=closed", "/topics?vertical=垂类3",
    "/questions/faq?trial=多久发货", "/topics/word/1?vertical=垂类3",
)  # fmt: skip


@dataclass(slots=True)
class _Counter:
    """Statements run since `clear`."""

    queries: int = 0

    def __call__(self, *_: object) -> None:
        self.queries += 1


@dataclass(slots=True)
class _Loads:
    """What loading one page took: seconds of each load, and its size and statements."""

    seconds: list[float] = field(default_factory=list)
    queries: int = 0
    bytes: int = 0

    def figures(self) -> dict[str, object]:
        ranked = sorted(self.seconds)
        return {
            "p50_ms": round(statistics.median(ranked) * 1000, 1),
            "p95_ms": round(ranked[max(0, -(-len(ranked) * 95 // 100) - 1)] * 1000, 1),
            "queries": self.queries,
            "bytes": self.bytes,
        }


def measure(rooms: int, messages: int, kind: str) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `console`. The machine's keys are the caller's.

    An administrator's browser loads every page that needs no file, twenty times one after the
    other; `bytes` is the compressed answer, `first_view_bytes` the overview with all that it
    loads. `tabs_mb` is what fifteen open tabs with their live streams add to the process. The
    baseline is a page that asks the database nothing.
    """
    with databases.empty(kind) as url, tempfile.TemporaryDirectory(prefix="qunyun-") as home:
        engine, often = database.connect(url), gc.get_threshold()
        try:
            token = _signed_in(engine, rooms, messages)
            settings = Settings(_env_file=None, home=Path(home), console_port=0)
            # As `qunyun run` does: what stands at the start is not looked through again and again.
            gc.collect()
            collecting.set_aside()
            collecting.share_heaps()
            began = time.perf_counter()
            found, first_view, tabs = asyncio.run(_load(engine, settings, token))
            seconds = time.perf_counter() - began
        finally:
            gc.unfreeze()
            gc.set_threshold(*often)
            engine.dispose()
    figures = {path: loads.figures() for path, loads in found.items()}
    slowest = max(statistics.median(loads.seconds) for loads in found.values())
    baseline = statistics.median(found["/healthz"].seconds)
    return {
        "rooms": rooms,
        "messages": messages,
        "seconds": round(seconds, 2),
        "pages": figures,
        "first_view_bytes": first_view,
        "tabs_mb": round(tabs / 1e6, 1),
        "per_second": round(1 / slowest, 1),
        "baseline_per_second": round(1 / baseline, 1),
        "ratio": round(baseline / slowest, 4),
    }


async def _load(
    engine: Engine, settings: Settings, token: str
) -> tuple[dict[str, _Loads], int, int]:
    app = web.build(engine, settings, lambda: large.NOW)
    counter = _Counter()
    event.listen(engine, "before_cursor_execute", counter)
    with serving.serving(app, settings) as address:
        cookies = {"qunyun_sid": token}
        headers = {"accept-encoding": "gzip", "sec-fetch-site": "same-origin"}
        async with httpx.AsyncClient(
            base_url=address, cookies=cookies, headers=headers, timeout=60
        ) as browser:
            found = {path: await _loads(browser, path, counter) for path in _paths()}
            first_view = await _first_view(browser)
            tabs = await _tabs(browser)
    return found, first_view, tabs


def _paths() -> list[str]:
    """Every page that can be opened without a file, with samples for what it names; some views.

    Raises KeyError for a page that names what has no sample.
    """
    shown = [
        route.path.format_map(SAMPLES)
        for route in pages.ROUTES
        if route.method == "GET" and not route.api and route.path not in NO_PAGES
    ]
    return [*shown, *VIEWS]


async def _loads(browser: httpx.AsyncClient, path: str, counter: _Counter) -> _Loads:
    loads = _Loads()
    # The first load compiles templates and statements, once in a process's life.
    await browser.get(path)
    for _ in range(LOADS):
        counter.queries = 0
        began = time.perf_counter()
        async with browser.stream("GET", path) as answer:
            answer.raise_for_status()
            loads.bytes = sum([len(part) async for part in answer.aiter_raw()])
        loads.seconds.append(time.perf_counter() - began)
        loads.queries = counter.queries
    return loads


async def _first_view(browser: httpx.AsyncClient) -> int:
    """Bytes over the wire of the overview and of everything that it names."""
    answer = await browser.get("/")
    named = {
        part.split('"')[1]
        for part in answer.text.split("<")
        if part.startswith(("script ", "link ", "img ")) and '"' in part
        for part in part.split(" ")
        if part.startswith(("src=", "href="))
    }
    total = 0
    for path in ("/", *sorted(named)):
        async with browser.stream("GET", path) as asset:
            total += sum([len(part) async for part in asset.aiter_raw()])
    return total


async def _tabs(browser: httpx.AsyncClient) -> int:
    """What fifteen tabs with open streams add to this process, in bytes."""
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    async with asyncio.TaskGroup() as group:
        opened = [asyncio.Event() for _ in range(TABS)]
        tabs = [group.create_task(_tab(browser, each)) for each in opened]
        for each in opened:
            await each.wait()
        grown = process.memory_info().rss - before
        for tab in tabs:
            tab.cancel()
    return max(0, grown)


async def _tab(browser: httpx.AsyncClient, opened: asyncio.Event) -> None:
    await browser.get("/")
    async with browser.stream("GET", "/events") as stream:
        async for _ in stream.aiter_raw():
            opened.set()


def _signed_in(engine: Engine, rooms: int, messages: int) -> str:
    """The session of an administrator of a large community."""
    large.furnish(engine, rooms, messages)
    large.look_back(engine)
    shop.furnish(engine, rooms)
    with database.transaction(engine) as session:
        segments.refresh(session, large.NOW.date(), Settings(_env_file=None).zone)
    with database.transaction(engine) as session:
        operator = operators.add(session, "bench", OperatorRole.ADMIN, "bench", large.NOW)
        session.flush()
        origin = "https://hooks.example.com"
        registry.add(
            session, "bench", f"{origin}/a", ["delivery.failed"], [origin], "bench", large.NOW
        )
        happenings.note(session, large.NOW)
        return sessions.start(session, operator.id or 0, "127.0.0.1", "bench", None, large.NOW)
