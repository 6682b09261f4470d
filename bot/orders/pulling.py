"""Fetch orders from a shop that can be asked: what no webhook brought comes this way.

    cursor → GET orders changed since, a page at a time → shop events → cursor

WooCommerce's REST API. Each page is kept at once, the cursor moves when all of them are, and the
next time begins a little earlier: orders that change on the way come twice and count once.
"""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx
from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.errors import QunyunError
from bot.models import ShopCursor
from bot.orders import intake, shop_events
from bot.orders.shops import woocommerce
from bot.orders.shops.shop import Connection, Unreadable

PATH = "/wp-json/wc/v3/orders"
PER_PAGE = 100
# A shop's clock and its caches may lag.
OVERLAP = dt.timedelta(minutes=10)
FIRST_BACK = dt.timedelta(days=30)
TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
LARGEST = 20 * 1024 * 1024
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Sleep = Callable[[float], Awaitable[None]]


class PullFailed(QunyunError):
    """The shop could not be asked; the text says why and what to do, and is tried again later."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some orders: contents by the name of each order's state, why others cannot be read, and the
    latest change among them.
    """

    told: Mapping[str, list[intake.Content]]
    failed: Mapping[str, str]
    newest: dt.datetime | None


def can_be_asked(connection: Connection) -> bool:
    """Whether a connection says where and with which key to ask."""
    return connection.kind == "woocommerce" and bool(connection.option("site"))


async def pages(
    client: httpx.AsyncClient,
    connection: Connection,
    since: dt.datetime,
    secret: bytes,
    sleep: Sleep,
) -> AsyncIterator[Page]:
    """Every order changed since a moment, a page at a time. Raises PullFailed."""
    number = 1
    while True:
        query = {
            "modified_after": since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "dates_are_gmt": "true",
            "status": "any",
            "orderby": "id",
            "order": "asc",
            "per_page": str(PER_PAGE),
            "page": str(number),
        }
        body = await _get(client, connection, query, sleep)
        try:
            orders = woocommerce.page(body)
        except Unreadable as error:
            raise PullFailed(f"店铺的回答读不懂({error})") from None
        yield _page(orders, connection, secret)
        if len(orders) < PER_PAGE:
            return
        number += 1


def since(session: Session, source: str, now: dt.datetime) -> dt.datetime:
    """From when on to ask."""
    cursor = database.table(ShopCursor).c
    at = session.connection().scalar(select(cursor.modified_at).where(cursor.source == source))
    return now - FIRST_BACK if at is None else at - OVERLAP


def note(
    session: Session, source: str, modified_at: dt.datetime | None, reason: str, now: dt.datetime
) -> None:
    """Write down how far asking came, or why it failed; a cursor never goes back."""
    cursor = database.table(ShopCursor).c
    standing = session.connection().scalar(
        select(cursor.modified_at).where(cursor.source == source)
    )
    latest = max((at for at in (standing, modified_at) if at is not None), default=None)
    row = {"source": source, "modified_at": latest, "tried_at": now, "reason": reason}
    database.insert_rows(session, ShopCursor, [row], replace=("modified_at", "tried_at", "reason"))


async def _get(
    client: httpx.AsyncClient, connection: Connection, query: Mapping[str, str], sleep: Sleep
) -> bytes:
    """One page, tried again with longer and longer waits. Raises PullFailed."""
    wait, problem = FIRST_WAIT, ""
    for attempt in range(TRIES):
        if attempt:
            await sleep(min(wait, LONGEST_WAIT))
            wait *= 2
        try:
            answer = await client.get(
                f"{_site(connection)}{PATH}",
                params=query,
                auth=(connection.option("key"), connection.option("password")),
            )
        except httpx.HTTPError as error:
            problem = f"连不上({type(error).__name__})"
            continue
        if answer.status_code == httpx.codes.OK:
            if len(answer.content) > LARGEST:
                raise PullFailed("店铺的回答太大")
            return answer.content
        problem = f"HTTP {answer.status_code}"
        if answer.status_code in (401, 403):
            raise PullFailed(f"店铺不认这个密钥({problem}):核对 key 和 password,权限要有“读”")
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS and answer.status_code < 500:
            raise PullFailed(f"店铺拒绝了({problem}):核对 site,REST API 要打开")
        asked = answer.headers.get("retry-after", "")
        wait = max(wait, float(asked)) if asked.isdecimal() else wait
    raise PullFailed(f"店铺没有回答({problem}),稍后再试")


def _site(connection: Connection) -> str:
    """The shop's address: HTTPS, since the key travels along; without it on this machine alone."""
    site = connection.option("site").rstrip("/")
    if "://" not in site:
        return f"https://{site}"
    url = httpx.URL(site)
    if url.scheme != "https" and url.host not in LOOPBACK:
        raise PullFailed("site 要是 HTTPS:密钥跟着请求走")
    return site


def _page(orders: list[woocommerce.Order], connection: Connection, secret: bytes) -> Page:
    told: dict[str, list[intake.Content]] = {}
    failed: dict[str, str] = {}
    for order in orders:
        name = f"{shop_events.FETCHED}:{order.id}:{order.date_modified_gmt.isoformat()}"
        try:
            news = woocommerce.of_order(order, connection)
        except Unreadable as error:
            failed[name] = str(error)
            continue
        if not news.ignored:
            told[name] = [
                *(intake.content(row, secret) for row in news.rows),
                *(intake.whole_content(whole) for whole in news.wholes),
            ]
    changed = [order.date_modified_gmt.replace(tzinfo=dt.UTC) for order in orders]
    return Page(told, failed, max(changed, default=None))
