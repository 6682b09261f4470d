"""订单与归因: every order line with its label, down to the messages behind it; who is one human."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Form, HTTPException
from fastapi.responses import Response

from bot.console import ordering, paging
from bot.console.ordering import LINE, Asked
from bot.console.page import Page, Reader, Writer
from bot.console.pages import rooms
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.insights import calibrating, explanation, shares
from bot.insights.funnel import Step
from bot.models import IdentityKind, Label, Touch
from bot.orders import quarantine

LONG = 200
# Labels to ask for that are none: how far a line came. A digest counts what was kept.
STEPS = {
    "counted": (Step.KEPT, "周报计入的"),
    Step.KNOWN.value: (Step.KNOWN, "知道是谁买的"),
    Step.MET.value: (Step.MET, "之前提到过，或用了活动的券"),
    Step.CREDITED.value: (Step.CREDITED, "算群聊或促销带来的"),
    Step.SETTLED.value: (Step.SETTLED, "其中已经定下来的"),
}
# (name, tone, what it means).
LABELS = {
    Label.ORGANIC: (
        "群聊带来", "good",
        "下单前 72 小时内买家接过提到它的话，或者 24 小时内有人提到它、买家之后在群里说过话",
    ),
    Label.PROMO: ("促销带来", "moving", "用了活动的优惠码或链接，或者 24 小时内群里发过它的促销"),
    Label.DIRECT: (
        "直接购买", "waiting",
        "下单前买家在的群里没人提到它，或者提到时买家没说过话（也许有关）",
    ),
    Label.UNKNOWN: ("买家未识别", "off", "不知道买家是群里的谁，不作判断"),
    Label.OUT: ("不计入", "off", "全额退款、取消，或是运营自己买的"),
}  # fmt: skip
TOUCHES = {
    Touch.ORGANIC: ("有人聊到", "good"),
    Touch.PROMO: ("促销", "moving"),
    Touch.PROMO_ECHO: ("跟着促销说", "moving"),
    Touch.PROMPT: ("机器人提起", "off"),
}
KINDS = {
    IdentityKind.CONTACT: "微信",
    IdentityKind.UNIONID: "unionid",
    IdentityKind.PHONE: "手机",
    IdentityKind.BUYER: "买家",
    IdentityKind.ORDER: "订单",
}


def listed(
    page: Reader,
    asked: Annotated[Asked, Depends()],
    label: str = "",
    order: str = "",
    number: int = 1,
) -> Response:
    """One page of order lines, the latest first, and how many have each label."""
    first, last = ordering.days(page, asked.since, asked.until)
    chosen = next((each for each in Label if each.value == label), None)
    step, _ = STEPS.get(label, (Step.PAID, ""))
    wanted = replace(ordering.wanted(page, asked), label=chosen, order=order.strip(), step=step)
    given = asked.given(label=label, order=order.strip())
    verticals, _, _ = rooms.known(page)
    listing = paging.cut(
        page.session, ordering.lines(page, wanted), (LINE.c.paid_at.desc(), LINE.c.id), number,
        "/orders", given,
    )  # fmt: skip
    return page.render(
        "orders.html", listing=listing, counted=ordering.by_label(page, wanted),
        chosen=label, first=first, last=last, order=order.strip(), names=LABELS, yuan=_yuan,
        label_options=[
            *((each.value, page.tr(told[0])) for each, told in LABELS.items()),
            *((each, page.tr(told)) for each, (_, told) in STEPS.items()),
        ],
        asked=asked, vertical_options=[(each, each) for each in verticals], given=given,
    )  # fmt: skip


def share(page: Reader, since: str = "", until: str = "") -> Response:
    """The corrected shares of these days. It takes a moment, so the list asks for it by itself."""
    page.must_see_all()
    first, last = ordering.days(page, since, until)
    told = shares.share(page.session, *ordering.instants(page, first, last))
    return page.render(
        "order_shares.html", told=told, first=first, last=last,
        least_lines=calibrating.LEAST_LINES, least_rooms=shares.LEAST_ROOMS,
    )  # fmt: skip


def show(page: Reader, line_id: int) -> Response:
    """One order line: its label in a sentence, its weights, and every touch behind it."""
    row = ordering.line(page, line_id)
    if row is None:
        raise HTTPException(404)
    (story,) = explanation.stories(page.session, [line_id])
    told = ordering.as_seen(page, story)
    return page.render(
        "order.html", row=row, led=told.led,
        told=explanation.explain(told, page.settings.zone, page.tr),
        yuan=_yuan, met=ordering.evidence(page, line_id), names=LABELS, touches=TOUCHES,
        lag=lambda span: explanation.lag(span, page.tr), may_read=page.may(OPERATOR),
    )  # fmt: skip


def identities(page: Reader) -> Response:
    """People who cannot be one human: what joins them, for somebody to look at."""
    page.must_see_all()
    cases = quarantine.listed(page.session)
    return page.render("identities.html", cases=cases[: paging.SIZE], total=len(cases), kinds=KINDS)


def cut(page: Writer, edge_id: int, reason: Annotated[str, Form(max_length=LONG)] = "") -> Response:
    """Two humans after all."""
    page.must_see_all()
    quarantine.cut(page.session, edge_id, _reason(page, reason), page.by, page.now)
    undo = f"/orders/identities/edges/{edge_id}/restore"
    return page.to("/orders/identities", page.tr("线索已断开"), undo=undo)


def restore(page: Writer, edge_id: int) -> Response:
    """Take a cut back."""
    page.must_see_all()
    quarantine.restore(page.session, edge_id, page.tr("在后台撤销"), page.by, page.now)
    return page.to("/orders/identities", page.tr("已撤销，线索恢复了"))


def accept(
    page: Writer, person_id: int, reason: Annotated[str, Form(max_length=LONG)] = ""
) -> Response:
    """One human after all."""
    page.must_see_all()
    quarantine.accept(page.session, person_id, _reason(page, reason), page.by, page.now)
    return page.to("/orders/identities", page.tr("记下了：他们是同一个人"))


def _reason(page: Page, text: str) -> str:
    if reason := text.strip():
        return reason
    problem, remedy = page.tr("没有写原因"), page.tr("写一句为什么，给以后看的人")
    raise InvalidInput(Fault("people", 0, "reason", problem, remedy))


def _yuan(fen: float) -> str:
    return f"{round(fen) / 100:,.2f}"


ROUTES = (
    Route("GET", "/orders", listed, VIEWER),
    Route("GET", "/orders/share", share, VIEWER),
    Route("GET", "/orders/identities", identities, VIEWER),
    Route("POST", "/orders/identities/edges/{edge_id}/cut", cut, OPERATOR),
    Route("POST", "/orders/identities/edges/{edge_id}/restore", restore, OPERATOR),
    Route("POST", "/orders/identities/{person_id}/accept", accept, OPERATOR),
    Route("GET", "/orders/{line_id}", show, VIEWER),
)
