"""What stands behind figures of a digest that count no messages: who came and went, what was heard
as a complaint, what was not sent.
"""

from fastapi.responses import Response
from sqlalchemy import select

from bot.console import digesting, paging
from bot.console.page import Reader
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.digest import behind
from bot.digest.behind import Listed
from bot.insights import engagement

NAMES = {
    Listed.JOINS: "入群",
    Listed.LEAVES: "退群",
    Listed.HEARD: "听出的投诉",
    Listed.UNSENT: "没有发出的投递",
}
MEANT = {
    Listed.JOINS: "这一周里看到进群的成员，不算运营和机器人；进了又退的也算。",
    Listed.LEAVES: "这一周里退群的成员，不算运营和机器人；又回来的也算。",
    Listed.HEARD: "规则从成员的话里听出的投诉，立案的和没立案的都在；撤回的不在。",
    Listed.UNSENT: "这一周到点、没有发出的，取消的也算，每条写着原因。",
}


def listed(page: Reader, digest_id: int, listed: Listed, number: int = 1) -> Response:
    """The rows that a figure counts, as far as the reader sees their rooms."""
    row, stored = digesting.found(page, digest_id)
    every = engagement.rooms(page.session, page.settings.zone)
    rooms = {
        id: room for id, room in every.items() if digesting.inside(room, row.scope, row.target)
    }
    query = behind.query(page.session, listed, rooms, digesting.days(page, row))
    shown = query.where(page.in_scope(behind.ROOM)).subquery()
    listing = paging.cut(
        page.session, select(shown), (shown.c.at, shown.c.id), number,
        f"/digests/{digest_id}/list/{listed}", {},
    )  # fmt: skip
    return page.render(
        "digest_list.html", row=row, title=stored.sheet.title, listing=listing, what=listed,
        name=NAMES[listed], meant=MEANT[listed], may_read=page.may(OPERATOR),
    )  # fmt: skip


ROUTES = (Route("GET", "/digests/{digest_id}/list/{listed}", listed, VIEWER),)
