"""Who may do what: every route of the console, asked by everybody."""

import re
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import select
from starlette.routing import Mount, Route

from bot import database
from bot.console import roles
from bot.models import ApiToken, Operator, OperatorRole, Room
from tests.console.conftest import Desk

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole

# Every route with the least role that it asks for; None: open to everybody.
ROLES: Mapping[tuple[str, str], OperatorRole | None] = {
    ("GET", "/login"): None,
    ("POST", "/login"): None,
    ("POST", "/logout"): VIEWER,
    ("POST", "/language"): VIEWER,
    ("GET", "/link/{token}"): None,
    ("POST", "/link/{token}"): None,
    ("GET", "/setup"): ADMIN,
    ("GET", "/"): VIEWER,
    ("POST", "/pause"): OPERATOR,
    ("POST", "/resume"): OPERATOR,
    ("GET", "/operators"): ADMIN,
    ("POST", "/operators"): ADMIN,
    ("GET", "/operators/{operator_id}"): ADMIN,
    ("POST", "/operators/{operator_id}"): ADMIN,
    ("POST", "/operators/{operator_id}/reset"): ADMIN,
    ("POST", "/operators/{operator_id}/disable"): ADMIN,
    ("POST", "/operators/{operator_id}/enable"): ADMIN,
    ("POST", "/operators/{operator_id}/sign-out"): ADMIN,
    ("GET", "/me"): VIEWER,
    ("POST", "/me/tokens"): VIEWER,
    ("POST", "/me/tokens/{token_id}/revoke"): VIEWER,
    ("POST", "/me/sign-out"): VIEWER,
    ("GET", "/audit"): ADMIN,
    ("GET", "/help"): VIEWER,
    ("GET", "/boards"): VIEWER,
    ("POST", "/boards/goals"): OPERATOR,
    ("POST", "/boards/goals/drop"): OPERATOR,
    ("GET", "/rooms"): VIEWER,
    ("POST", "/rooms/change"): OPERATOR,
    ("POST", "/rooms/undo/{line}"): OPERATOR,
    ("GET", "/rooms/{room_id}"): VIEWER,
    ("GET", "/orders"): VIEWER,
    ("GET", "/orders/share"): VIEWER,
    ("GET", "/orders/funnel"): VIEWER,
    ("GET", "/orders/behind/{ahead}"): VIEWER,
    ("GET", "/orders/identities"): VIEWER,
    ("POST", "/orders/identities/edges/{edge_id}/cut"): OPERATOR,
    ("POST", "/orders/identities/edges/{edge_id}/restore"): OPERATOR,
    ("POST", "/orders/identities/{person_id}/accept"): OPERATOR,
    ("GET", "/orders/{line_id}"): VIEWER,
    ("GET", "/experiments"): VIEWER,
    ("POST", "/experiments"): OPERATOR,
    ("GET", "/experiments/{experiment_id}"): VIEWER,
    ("POST", "/experiments/{experiment_id}/start"): APPROVER,
    ("POST", "/experiments/{experiment_id}/stop"): OPERATOR,
    ("GET", "/labels"): OPERATOR,
    ("POST", "/labels/draw"): OPERATOR,
    ("POST", "/labels/undo"): OPERATOR,
    ("POST", "/labels/{draw_id}/{place}/mark"): OPERATOR,
    ("POST", "/labels/{draw_id}/{place}/skip"): OPERATOR,
    ("GET", "/questions"): VIEWER,
    ("GET", "/questions/{question_id}"): VIEWER,
    ("POST", "/questions/{question_id}/claim"): OPERATOR,
    ("POST", "/questions/{question_id}/release"): OPERATOR,
    ("POST", "/questions/{question_id}/draft"): OPERATOR,
    ("POST", "/questions/{question_id}/answer"): OPERATOR,
    ("POST", "/questions/{question_id}/dismiss"): OPERATOR,
    ("GET", "/questions/faq"): VIEWER,
    ("POST", "/questions/faq"): OPERATOR,
    ("GET", "/questions/faq/new"): OPERATOR,
    ("GET", "/questions/faq/{faq_id}"): OPERATOR,
    ("POST", "/questions/faq/{faq_id}"): OPERATOR,
    ("POST", "/questions/faq/{faq_id}/retire"): OPERATOR,
    ("POST", "/questions/faq/{faq_id}/restore"): OPERATOR,
    ("GET", "/complaints"): VIEWER,
    ("GET", "/complaints/{case_id}"): VIEWER,
    ("POST", "/complaints/{case_id}/claim"): OPERATOR,
    ("POST", "/complaints/{case_id}/release"): OPERATOR,
    ("POST", "/complaints/{case_id}/close"): OPERATOR,
    ("POST", "/complaints/{case_id}/reopen"): OPERATOR,
    ("GET", "/topics"): VIEWER,
    ("GET", "/topics/{kind}/{rank}"): OPERATOR,
    ("POST", "/topics/pick"): OPERATOR,
    ("POST", "/topics/unpick"): OPERATOR,
    ("POST", "/topics/day"): OPERATOR,
    ("GET", "/people"): VIEWER,
    ("GET", "/people/candidates"): VIEWER,
    ("GET", "/people/drawn"): VIEWER,
    ("POST", "/people/candidates"): OPERATOR,
    ("GET", "/people/buyers"): VIEWER,
    ("GET", "/people/cohort"): VIEWER,
    ("GET", "/people/{contact_id}"): VIEWER,
    ("GET", "/deliveries"): VIEWER,
    ("POST", "/deliveries/decide"): OPERATOR,
    ("POST", "/deliveries/batch"): OPERATOR,
    ("GET", "/deliveries/{delivery_id}"): VIEWER,
    ("GET", "/deliveries/{delivery_id}/image"): VIEWER,
    ("GET", "/todo"): OPERATOR,
    ("POST", "/todo/{delivery_id}/done"): OPERATOR,
    ("POST", "/todo/{delivery_id}/drop"): OPERATOR,
    ("POST", "/todo/{delivery_id}/undo"): OPERATOR,
    ("GET", "/accounts"): VIEWER,
    ("POST", "/accounts/{account_id}/pause"): OPERATOR,
    ("POST", "/accounts/{account_id}/resume"): OPERATOR,
    ("GET", "/data"): OPERATOR,
    ("POST", "/data/check"): OPERATOR,
    ("POST", "/data/import"): OPERATOR,
    ("GET", "/data/export/calendar/{form}"): OPERATOR,
    ("GET", "/data/export/{subject}"): VIEWER,
    ("GET", "/data/feeds"): VIEWER,
    ("POST", "/data/feeds"): VIEWER,
    ("POST", "/data/feeds/{feed_id}/revoke"): VIEWER,
    ("GET", "/feeds/{token}"): None,
    ("GET", "/l/{code}"): None,
    ("GET", "/privacy"): ADMIN,
    ("POST", "/privacy/find"): ADMIN,
    ("POST", "/privacy/trace"): ADMIN,
    ("GET", "/privacy/people/{whom}"): ADMIN,
    ("GET", "/privacy/people/{whom}/export"): ADMIN,
    ("POST", "/privacy/people/{whom}/forget"): ADMIN,
    ("POST", "/privacy/people/{whom}/opt-out"): ADMIN,
    ("POST", "/privacy/people/{whom}/opt-in"): ADMIN,
    ("GET", "/settings"): VIEWER,
    ("POST", "/settings/words"): ADMIN,
    ("POST", "/settings/words/remove"): ADMIN,
    ("GET", "/settings/own-words"): VIEWER,
    ("POST", "/settings/own-words"): OPERATOR,
    ("POST", "/settings/own-words/remove"): OPERATOR,
    ("POST", "/settings/days"): ADMIN,
    ("POST", "/settings/days/{day}/forget"): ADMIN,
    ("GET", "/webhooks"): ADMIN,
    ("POST", "/webhooks"): ADMIN,
    ("GET", "/webhooks/{webhook_id}"): ADMIN,
    ("POST", "/webhooks/{webhook_id}/revoke"): ADMIN,
    ("POST", "/webhooks/{webhook_id}/test"): ADMIN,
    ("POST", "/webhooks/{webhook_id}/calls/{call_id}"): ADMIN,
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): None,
    ("GET", "/api/docs"): VIEWER,
    ("GET", "/calendar"): VIEWER,
    ("GET", "/calendar/feed"): VIEWER,
    ("GET", "/calendar/conflicts"): VIEWER,
    ("POST", "/calendar/copy"): OPERATOR,
    ("GET", "/calendar/{key}/{day}"): VIEWER,
    ("POST", "/calendar/{key}/{day}/move"): OPERATOR,
    ("POST", "/calendar/{key}/{day}/skip"): OPERATOR,
    ("POST", "/calendar/{key}/{day}/restore"): OPERATOR,
    ("GET", "/series"): VIEWER,
    ("GET", "/series/new"): OPERATOR,
    ("POST", "/series/new"): OPERATOR,
    ("POST", "/series/check"): OPERATOR,
    ("GET", "/series/{key}"): VIEWER,
    ("POST", "/series/{key}"): OPERATOR,
    ("POST", "/series/{key}/autosave"): OPERATOR,
    ("POST", "/series/{key}/merge"): OPERATOR,
    ("POST", "/series/{key}/yaml"): OPERATOR,
    ("POST", "/series/{key}/submit"): OPERATOR,
    ("POST", "/series/{key}/test"): OPERATOR,
    ("POST", "/series/{key}/pause"): OPERATOR,
    ("POST", "/series/{key}/resume"): OPERATOR,
    ("POST", "/series/{key}/end"): OPERATOR,
    ("GET", "/digests"): VIEWER,
    ("GET", "/digests/{digest_id}"): VIEWER,
    ("GET", "/digests/{digest_id}/page"): VIEWER,
    ("GET", "/digests/{digest_id}/file/{form}"): VIEWER,
    ("GET", "/digests/{digest_id}/behind/{what}"): VIEWER,
    ("GET", "/digests/{digest_id}/list/{listed}"): VIEWER,
    ("POST", "/digests/{digest_id}/comment"): OPERATOR,
    ("POST", "/digests/{digest_id}/approve"): APPROVER,
    ("POST", "/digests/{digest_id}/withdraw"): APPROVER,
    ("POST", "/digests/{digest_id}/send"): OPERATOR,
    ("POST", "/pictures"): OPERATOR,
    ("GET", "/pictures/{name}"): VIEWER,
    ("GET", "/approvals"): VIEWER,
    ("GET", "/series/{key}/run"): VIEWER,
    ("POST", "/series/{key}/approve"): APPROVER,
    ("POST", "/series/{key}/send-back"): APPROVER,
}
# Asked with a token and no cookie (test_tokens.py).
# Signed by whoever sends them; no session counts there.
SIGNED: Mapping[tuple[str, str], None] = {
    ("GET", "/webhooks/orders/{source}"): None,
    ("POST", "/webhooks/orders/{source}"): None,
}
FOR_PROGRAMS: Mapping[tuple[str, str], OperatorRole] = {
    ("GET", "/api/v1/me"): VIEWER,
    ("GET", "/api/v1/rooms"): VIEWER,
    ("GET", "/api/v1/rooms/{room_id}"): VIEWER,
    ("PATCH", "/api/v1/rooms/{room_id}"): OPERATOR,
    ("GET", "/api/v1/digests"): VIEWER,
    ("GET", "/api/v1/digests/{digest_id}"): VIEWER,
    ("GET", "/api/v1/series"): VIEWER,
    ("GET", "/api/v1/series/{key}"): VIEWER,
    ("PUT", "/api/v1/series/{key}"): OPERATOR,
    ("POST", "/api/v1/series/{key}/submit"): OPERATOR,
    ("POST", "/api/v1/series/{key}/approve"): APPROVER,
    ("GET", "/api/v1/engagement"): OPERATOR,
    ("GET", "/api/v1/orders"): VIEWER,
    ("GET", "/api/v1/attribution"): VIEWER,
    ("GET", "/api/v1/deliveries"): VIEWER,
    ("GET", "/api/v1/deliveries/{delivery_id}"): VIEWER,
    ("POST", "/api/v1/deliveries/{delivery_id}/settle"): OPERATOR,
    ("POST", "/api/v1/deliveries/{delivery_id}/cancel"): OPERATOR,
    ("POST", "/api/v1/deliveries/{delivery_id}/recall"): OPERATOR,
}
# It never ends: tested where streams are (test_live.py).
STREAMS: Mapping[tuple[str, str], OperatorRole] = {("GET", "/events"): VIEWER}
# FastAPI's own: the description of /api/v1, which holds nothing of anybody.
OPEN_DESCRIPTION = "/api/v1/openapi.json"
SAMPLES = {
    "form": "none",
    "whom": "contact-999",
    "subject": "none",
    "feed_id": "999",
    "experiment_id": "999",
    "day": "2026-11-24",
    "key": "none",
    **dict.fromkeys(("edge_id", "person_id", "line_id", "draw_id", "place"), "999"),
    **dict.fromkeys(("account_id", "contact_id", "delivery_id", "room_id", "line"), "999"),
    **dict.fromkeys(("question_id", "faq_id", "case_id", "rank"), "999"),
    "kind": "word",
    "operator_id": "999",
    "digest_id": "999",
    "what": "messages",
    "ahead": "mentions",
    "listed": "joins",
    "webhook_id": "999",
    "name": "none.png",
    "call_id": "999",
    "token_id": "999",
    "token": "unknown",
    "code": "unknown",
}


def filled(path: str) -> str:
    """A path with a sample for each parameter: nothing there, so that nothing is changed."""
    return re.sub(r"{(\w+)}", lambda found: SAMPLES[found[1]], path)


def built(desk: Desk) -> Iterator[tuple[str, str]]:
    """Every route of the app."""
    for route in desk.app.routes:
        if isinstance(route, Mount):
            assert route.path == "/static"
        elif getattr(route, "path", "") != OPEN_DESCRIPTION:
            assert isinstance(route, Route)
            yield from ((method, route.path) for method in (route.methods or set()) - {"HEAD"})


def test_every_route_is_in_the_table_and_every_line_of_the_table_is_a_route(desk: Desk) -> None:
    assert {*ROLES, *FOR_PROGRAMS, *STREAMS, *SIGNED} == set(built(desk))


def test_every_route_asks_for_the_role_that_the_table_names(desk: Desk) -> None:
    asked = desk.app.state.console.roles
    assert dict(asked) == {**ROLES, **FOR_PROGRAMS, **STREAMS, **SIGNED}


async def test_who_is_not_signed_in_is_led_to_the_login_and_comes_back(desk: Desk) -> None:
    desk.add("小林", ADMIN)
    async with desk.client() as nobody:
        for (method, path), role in {**ROLES, **STREAMS}.items():
            answer = await nobody.request(method, filled(path))
            if role is None:
                assert answer.status_code in {200, 404, 401}, path
            else:
                assert answer.status_code == 303, path
                assert answer.headers["location"].startswith("/login"), path
        led = await nobody.get("/audit?by=x")
        assert led.headers["location"] == "/login?next=/audit%3Fby%3Dx"


@pytest.mark.parametrize("role", list(OperatorRole))
async def test_each_role_reaches_what_the_table_says_and_nothing_else(
    desk: Desk, role: OperatorRole
) -> None:
    async with desk.signed_in("阿原", role) as browser:
        for (method, path), wanted in ROLES.items():
            if wanted is None or path in {"/logout", "/me/sign-out"}:
                continue
            answer = await browser.request(method, filled(path))
            refused = answer.status_code == 403
            assert refused != roles.allows(role, wanted), f"{role}: {method} {path}"
            assert answer.status_code < 500, f"{method} {path}: {answer.text}"


async def test_a_change_of_role_is_in_force_at_the_next_request(desk: Desk) -> None:
    desk.add("管理", ADMIN)
    async with desk.signed_in("阿原", ADMIN) as browser:
        assert (await browser.get("/audit")).status_code == 200
        with database.transaction(desk.engine) as session:
            operator = database.table(Operator)
            session.connection().execute(
                operator.update().where(operator.c.name == "阿原").values(role=VIEWER)
            )
        assert (await browser.get("/audit")).status_code == 403


async def test_who_is_disabled_is_out_at_once_with_tokens_and_links(desk: Desk) -> None:
    out = desk.add("阿原", OPERATOR)
    async with (
        desk.signed_in("小林", ADMIN) as admin,
        desk.signed_in("阿原", OPERATOR) as browser,
    ):
        await browser.post("/me/tokens", data={"name": "同步", "scopes": "read", "days": "30"})
        assert (await admin.post(f"/operators/{out}/disable")).status_code == 303
        assert (await browser.get("/")).headers["location"] == "/login"
    with database.reading(desk.engine) as session:
        tokens = database.table(ApiToken)
        revoked = session.connection().scalars(select(tokens.c.revoked_at)).all()
    assert revoked and None not in revoked


async def test_the_last_admin_can_neither_be_disabled_nor_made_less(desk: Desk) -> None:
    only = desk.add("小林", ADMIN)
    async with desk.signed_in("小林", ADMIN) as admin:
        less = await admin.post(f"/operators/{only}", data={"role": "viewer"})
        out = await admin.post(f"/operators/{only}/disable")
    for answer in (less, out):
        assert answer.status_code == 422
        assert "最后一个管理员" in answer.text


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ({}, {"宝妈育儿", "美妆"}),
        ({"verticals": ["美妆"]}, {"美妆"}),
        ({"tags": ["北京"]}, {"宝妈育儿"}),
        ({"verticals": ["美妆"], "tags": ["北京"]}, set()),
        ({"verticals": []}, set()),
    ],
)
def test_an_operator_sees_the_rooms_of_the_scope_and_no_other(
    desk: Desk, scope: dict[str, list[str]], seen: set[str]
) -> None:
    desk.rooms(3, "宝妈育儿", "北京")
    with database.transaction(desk.engine) as session:
        session.add(Room(platform_id="m1@chatroom", vertical="美妆"))
    operator = Operator(
        name="阿原",
        created_at=desk.now,
        verticals=scope.get("verticals"),
        tags=scope.get("tags"),
    )
    room = database.table(Room)
    with database.reading(desk.engine) as session:
        rows = (
            session.connection()
            .execute(select(room.c.id, room.c.vertical).where(roles.in_scope(operator, room)))
            .all()
        )
        everything = list(session.connection().scalars(select(room.c.id)))
        assert {row.vertical for row in rows} == seen
        ids = {row.id for row in rows}
        for each in everything:
            assert roles.sees(session, operator, [each]) == (each in ids)
        assert not roles.sees(session, operator, [max(everything) + 1])
