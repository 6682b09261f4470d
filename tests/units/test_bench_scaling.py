"""The simulation of docs/scaling.md against what is known in closed form."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bot.bench.scaling import demand, needs, queueing
from bot.cli import app
from bot.insights.arrays import Floats

DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"
RATES = needs.Rates(
    recorded=3_000, commit_s=0.005, posts=300, bytes_a_message=600, topics_s=300, digest_s=80
)


def poisson(rate: float, count: int, seed: int = 3) -> Floats:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_server_with_exponential_service_waits_as_m_m_1(busy: float) -> None:
    rng = np.random.default_rng(5)
    found = queueing.lags(
        poisson(busy, 200_000), lambda _: float(rng.exponential(1.0)), most=1, gather=0
    )
    # Time in the system: 1 / (service rate - arrival rate); its p99 is ln 100 of that.
    assert found.mean() == pytest.approx(1 / (1 - busy), rel=0.08)
    assert np.quantile(found, 0.99) == pytest.approx(np.log(100) / (1 - busy), rel=0.12)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_server_with_fixed_service_waits_as_pollaczek_and_khinchine_say(busy: float) -> None:
    found = queueing.lags(poisson(busy, 200_000), lambda _: 1.0, most=1, gather=0)
    assert found.mean() == pytest.approx(1 + busy / (2 * (1 - busy)), rel=0.05)


def test_workers_that_share_rooms_wait_as_as_many_queues_of_a_part_each() -> None:
    arrivals = poisson(2.4, 200_000)
    shards = np.random.default_rng(6).random(len(arrivals))
    found = queueing.shared(arrivals, shards, 4, lambda _: 1.0, most=1, gather=0)
    assert found.mean() == pytest.approx(1 + 0.6 / (2 * 0.4), rel=0.05)


def test_a_batch_gathers_takes_no_more_than_it_may_and_leaves_nobody_out() -> None:
    arrivals = np.array([0.0, 0.01, 0.02, 0.03, 0.2, 5.0])
    taken: list[int] = []

    def serving(number: int) -> float:
        taken.append(number)
        return 1.0

    found = queueing.lags(arrivals, serving, most=3, gather=0.05)
    assert taken == [3, 2, 1]
    # Full at 0.02; what waits then is gathered for 0.05; the last comes alone.
    assert found == pytest.approx([1.02, 1.01, 1.0, 2.04, 1.87, 1.05])
    assert list(queueing.lags(np.array([]), serving, most=3, gather=0.05)) == []


def test_a_window_of_posts_is_its_gaps_and_its_calls() -> None:
    rng = np.random.default_rng(8)
    found = queueing.windows(400, (3, 5), 0.5, 500, rng)
    assert found.mean() == pytest.approx(399 * 4 + 400 * 0.5, rel=0.005)
    # Independent, so variances add: a uniform's is width squared / 12, an exponential's its square.
    assert found.std() == pytest.approx(np.sqrt(399 * 4 / 12 + 400 * 0.25), rel=0.15)


def test_the_busiest_hour_has_as_many_as_its_rate_and_half_of_them_in_bursts() -> None:
    arrivals = demand.hour(500, 600, np.random.default_rng(2))
    assert len(arrivals) == pytest.approx(300_000, rel=0.01)
    assert np.all(np.diff(arrivals) >= 0)
    burst = arrivals % demand.PERIOD < demand.BURST
    assert burst.mean() == pytest.approx(0.5, abs=0.01)
    assert sum(demand.HOURS) == pytest.approx(100)


def test_what_is_needed_grows_with_rooms_and_more_workers_wait_less() -> None:
    small, large = (needs.needed(rooms, RATES) for rooms in (2_000, 200_000))
    assert (small["accounts"], large["accounts"]) == (5, 500)
    assert small["workers"] == 1
    # Ten minutes of 200,000 × 80 × 9.6 % / 3,600 a second, taken off at 3,000 less what comes.
    assert large["after_outage_minutes"] == pytest.approx(10 * 426.7 / (3_000 - 426.7), abs=0.06)
    assert large["disk_gb_a_day"] == pytest.approx(200_000 * 80 * 600 / 1e9, abs=0.1)
    lag = large["lag_s"]
    assert isinstance(lag, dict)
    assert lag["4"]["most"] < lag["2"]["most"] < lag["1"]["most"]


def test_the_command_prints_the_table_and_the_object() -> None:
    told = CliRunner().invoke(app, ["bench", "scaling", "--rooms", "2000,10000"])
    assert told.stdout.startswith("| rooms | 2,000 | 10,000 |")
    told = CliRunner().invoke(app, ["bench", "scaling", "--rooms", "2000", "--json"])
    assert json.loads(told.stdout)["rooms"][0]["accounts"] == 5


def test_the_document_quotes_what_the_command_prints() -> None:
    told = CliRunner().invoke(app, ["bench", "scaling"])
    assert told.stdout.strip() in DOCUMENT.read_text("utf-8")
