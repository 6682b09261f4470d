"""Real parts that a machine may lack: skip with a line that says so, or fail where demanded."""

import os

import pytest


def require(part: str, present: bool, remedy: str) -> None:
    """Skip the test when `part` is absent; fail it instead where QUNYUN_REQUIRE names the part."""
    if present:
        return
    if part in os.environ.get("QUNYUN_REQUIRE", "").split(","):
        pytest.fail(f"{part} is required here and absent: {remedy}")
    pytest.skip(f"{part} is absent: {remedy}")
