"""标注: one random message at a time, blind to the rules; how often the rules are right so far."""

import datetime as dt
from typing import Annotated

from fastapi import Form
from fastapi.responses import Response

from bot import labelling, sampling
from bot.console.page import Page, Reader, Writer
from bot.console.roles import OPERATOR
from bot.console.routes import Route
from bot.insights import quality
from bot.models import SignalKind

COUNT = 300
# The same seed draws the same of the same messages.
SEED = 7
REACH = dt.timedelta(days=28)
# What a message can be.
KINDS = {
    SignalKind.QUESTION: "提问",
    SignalKind.ANSWER: "回答",
    SignalKind.PRICE_QUESTION: "问价",
    SignalKind.PURCHASE_INTENT: "想买",
    SignalKind.COMPLAINT: "投诉",
    SignalKind.PRAISE: "好评",
    SignalKind.SHARE: "分享",
    SignalKind.GREETING: "问候",
    SignalKind.ADVERTISEMENT: "广告",
    SignalKind.ORDER_NUMBER: "订单号",
    SignalKind.CHECK_IN: "打卡",
    SignalKind.PLUS_ONE: "附和",
}
NAMES = {kind.value: name for kind, name in KINDS.items()} | {quality.PRODUCT: "商品提及"}


def show(page: Reader) -> Response:
    """The message that waits longest, with what was said before it, and what the marks say."""
    page.must_see_all()
    report = quality.of(page.session)
    return page.render(
        "labels.html", shown=labelling.next_waiting(page.session), kinds=KINDS, keys=labelling.KEYS,
        done=labelling.progress(page.session), report=report, names=NAMES, count=COUNT,
    )  # fmt: skip


def draw(page: Writer) -> Response:
    """Draw anew, where nothing waits."""
    page.must_see_all()
    drawn = 0
    if not labelling.progress(page.session).waiting:
        earliest = page.now - REACH
        since = max(earliest, sampling.drawn_until(page.session) or earliest)
        drawn = sampling.draw(page.session, COUNT, SEED, since, page.now, page.by)
    if not drawn:
        return page.to("/labels", page.tr("没有新的消息可抽"), kind="warning")
    return page.to("/labels", page.tr("抽了 {n} 条", n=drawn))


def mark(
    page: Writer,
    draw_id: int,
    place: int,
    kind: Annotated[list[SignalKind], Form()] = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Write down what the message is; no kind: none of them."""
    shown = _waiting(page, draw_id, place)
    if shown is None:
        return _was_faster(page)
    labelling.mark(page.session, shown, kind, None, page.by, page.now)
    return page.to("/labels")


def skip(page: Writer, draw_id: int, place: int) -> Response:
    """Leave it out: nobody can say."""
    shown = _waiting(page, draw_id, place)
    if shown is None:
        return _was_faster(page)
    labelling.skip(page.session, shown, page.now)
    return page.to("/labels")


def undo(page: Writer) -> Response:
    """Take the last mark or skip back."""
    page.must_see_all()
    if labelling.undo(page.session):
        return page.to("/labels", page.tr("撤回了上一条"))
    return page.to("/labels", page.tr("没有可以撤回的"), kind="warning")


def _was_faster(page: Page) -> Response:
    return page.to("/labels", page.tr("同事刚刚标了这一条"), kind="warning")


def _waiting(page: Page, draw_id: int, place: int) -> labelling.Shown | None:
    """The message that the form was about, as long as it still waits."""
    page.must_see_all()
    shown = labelling.next_waiting(page.session)
    same = shown is not None and (shown.draw_id, shown.place) == (draw_id, place)
    return shown if same else None


ROUTES = (
    Route("GET", "/labels", show, OPERATOR),
    Route("POST", "/labels/draw", draw, OPERATOR),
    Route("POST", "/labels/undo", undo, OPERATOR),
    Route("POST", "/labels/{draw_id}/{place}/mark", mark, OPERATOR),
    Route("POST", "/labels/{draw_id}/{place}/skip", skip, OPERATOR),
)
