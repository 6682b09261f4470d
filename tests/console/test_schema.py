"""Whatever a program sends to /api/v1, it gets an answer that the OpenAPI names, never a 5xx."""

import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import response_schema_conformance

from bot.console import pages
from bot.models import DeliveryState
from tests.console.conftest import Desk
from tests.console.test_api import SERIES, program
from tests.console.test_deliveries import full, planned

if TYPE_CHECKING:
    from schemathesis.specs.openapi.schemas import OpenApiOperation

# Names of what is there, four of each.
REAL = {
    "room_id": (1, 2, 3, 4),
    "digest_id": (1, 2, 3, 4),
    "delivery_id": (1, 2, 3, 4),
    "key": ("qa", "new", "qa", "群"),
}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
EXAMPLES = int(os.environ.get("QUNYUN_EXAMPLES", "12"))
# The lists say what they hold, and nothing is left open.
SHAPES = {
    "RoomTold",
    "SeriesTold",
    "DeliveryTold",
    "WholeDelivery",
    "Refused",
    "EngagementTold",
    "LineTold",
    "AttributionTold",
}
OPERATIONS = sorted((route.method, route.path) for route in pages.ROUTES if route.api)
assert full  # the fixture, which pytest finds here


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_whatever_is_sent_is_answered(full: Desk, method: str, path: str) -> None:
    for state in (DeliveryState.UNCERTAIN, DeliveryState.PENDING, DeliveryState.SENT):
        planned(full, state)
    async with program(full) as client:
        headers = {
            "authorization": client.headers["authorization"],
            "host": client.base_url.netloc.decode(),
        }
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", full.app, headers=headers)
    operation = schema[path][method]
    answered: Counter[int] = Counter()

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
    @hypothesis.given(
        case=operation.as_strategy(), place=st.none() | st.integers(0, 3),
        field=st.sampled_from(sorted(SERIES)), value=ANYTHING,
    )  # fmt: skip
    def ask(
        case: "schemathesis.Case[OpenApiOperation]", place: int | None, field: str, value: object
    ) -> None:
        if place is not None:
            # What is there gets further than a 404, a series with one fault further than noise.
            case.path_parameters = {
                name: real[place] for name, real in REAL.items() if name in path
            }
            if method == "PUT":
                series = dict[str, object](SERIES) | ({field: value} if place else {})
                case.body = json.loads(json.dumps({"series": series}))
        answer = case.call(headers=headers)
        answered[answer.status_code] += 1
        assert answer.status_code < 500, (answer.status_code, case.as_curl_command())
        # Also what it says has the shape that the description gives.
        case.validate_response(answer, checks=[response_schema_conformance])
        if answer.status_code >= 400:
            assert answer.json()["detail"]

    ask()
    assert answered.keys() - {401, 403, 421}, answered


async def test_every_answer_is_described(desk: Desk) -> None:
    async with program(desk) as client:
        told = (await client.get("/api/v1/openapi.json")).json()
    assert told["components"]["schemas"].keys() >= SHAPES
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                shape = answer["content"]["application/json"]["schema"]
                assert shape, (path, method, status)
