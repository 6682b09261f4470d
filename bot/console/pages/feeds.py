"""日历订阅: links for calendar programs, made and revoked here, read without signing in."""

from typing import Annotated

from fastapi import Form, HTTPException
from fastapi.responses import Response

from bot import database
from bot.console import feeds
from bot.console.page import Guest, Reader, Writer
from bot.console.pages import rooms
from bot.console.roles import VIEWER
from bot.console.routes import Route

Short = Annotated[str, Form(max_length=100)]


def show(page: Reader) -> Response:
    """The links that work."""
    verticals, tags, _ = rooms.known(page)
    every = ("", page.tr("全部"))
    pairs = {
        "verticals": [every, *((name, name) for name in verticals)],
        "tags": [every, *((name, name) for name in tags)],
    }
    rows = feeds.listed(page.session, page.someone)
    return page.render("feeds.html", rows=rows, pairs=pairs)


def add(
    page: Writer, name: Short = "", vertical: Short = "", tag: Short = "", room: Short = ""
) -> Response:
    """A new link, shown this once."""
    token = feeds.add(
        page.session, page.someone, name, page.now, vertical=vertical, tag=tag, room=room
    )
    base = str(page.request.base_url).rstrip("/")
    return page.render("feed.html", link=f"{base}/feeds/{token}", name=name)


def revoke(page: Writer, feed_id: int) -> Response:
    """End a link."""
    if not feeds.revoke(page.session, page.someone, feed_id, page.now):
        raise HTTPException(404)
    return page.to("/data/feeds", page.tr("链接已收回，订阅它的日历不再更新"))


def read(page: Guest, token: str) -> Response:
    """The calendar of a link, for whoever has it."""
    found = feeds.find(page.session, token)
    if found is None:
        raise HTTPException(404)
    feed, operator = found
    content = feeds.render(page.session, feed, operator, page.settings, page.now)
    if feed.used_at is None or page.now - feed.used_at > feeds.FRESH:
        with database.transaction(page.console.engine) as session:
            feeds.see(session, feed.id or 0, page.now)
    return Response(content, media_type="text/calendar; charset=utf-8")


ROUTES = (
    Route("GET", "/data/feeds", show, VIEWER),
    Route("POST", "/data/feeds", add, VIEWER),
    Route("POST", "/data/feeds/{feed_id}/revoke", revoke, VIEWER),
    Route("GET", "/feeds/{token}", read, None),
)
