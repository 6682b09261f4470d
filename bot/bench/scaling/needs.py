"""What so many rooms need, from rates that were measured on two cores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.bench.scaling import demand, queueing
from bot.insights.arrays import Floats

WORKERS = (1, 2, 4)
MINUTES = 10
BATCH, GATHER = 1_000, 0.05
EVENINGS = 200
SEED = 17
HOUR_SECONDS = 3_600
# Nothing may wait for longer, in seconds.
LIMIT = 5.0
OUTAGE_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Rates:
    """What one process does, as the benches print it; and what a community is taken to do.

    `recorded`: messages a second of one recording process on PostgreSQL, by the clock.
    `commit_s`: what a batch costs besides. `posts`: begins and settles a second, one at a time.
    `bytes_a_message`: what the database grows by. `topics_s`, `digest_s`: a night's topics and a
    Monday's digests of 2,000 rooms. `rooms_an_account`, `days` kept, `messages` a room and day,
    `call_s` of a send, `gap` between rooms in seconds, `accounts_a_process`.
    """

    recorded: float
    commit_s: float
    posts: float
    bytes_a_message: float
    topics_s: float
    digest_s: float
    messages: float = 80
    rooms_an_account: int = 400
    accounts_a_process: int = 40
    gap: tuple[float, float] = (3, 5)
    call_s: float = 0.5
    days: int = 90

    def batch(self, number: int) -> float:
        """Seconds that a batch of so many messages takes."""
        return self.commit_s + number / self.recorded


def needed(rooms: int, rates: Rates) -> Mapping[str, object]:
    """One row of the plan. Lags are simulated over ten minutes of the busiest hour."""
    busiest = demand.busiest(rooms, rates.messages)
    posting = 1 / (sum(rates.gap) / 2 + rates.call_s)
    accounts = math.ceil(rooms / rates.rooms_an_account)
    hosts = math.ceil(accounts / rates.accounts_a_process)
    lag = {str(workers): _percentiles(_simulated(busiest, workers, rates)) for workers in WORKERS}
    evening = queueing.windows(
        min(rooms, rates.rooms_an_account), rates.gap, rates.call_s, EVENINGS, _rng()
    )
    a_day = rooms * rates.messages * rates.bytes_a_message / 1e9
    return {
        "rooms": rooms,
        "mean_per_second": round(demand.a_second(rooms, rates.messages), 1),
        "busiest_per_second": round(busiest, 1),
        "burst_per_second": round(busiest * demand.PART * demand.PERIOD / demand.BURST, 1),
        "busy": round(busiest / rates.recorded, 4),
        "lag_s": lag,
        "after_outage_minutes": round(OUTAGE_MINUTES * busiest / (rates.recorded - busiest), 1)
        if busiest < rates.recorded
        else None,
        "workers": next((each for each in WORKERS if _kept(lag[str(each)])), None),
        "accounts": accounts,
        "gateway_processes": hosts,
        "post_window_minutes": round(float(np.quantile(evening, 0.99)) / 60, 1),
        "posts_a_second": round(accounts * posting, 1),
        "posts_busy": round(accounts * posting / rates.posts, 3),
        "disk_gb_a_day": round(a_day, 1),
        "disk_gb": round(a_day * rates.days),
        "topics_hours": round(rates.topics_s * rooms / 2_000 / HOUR_SECONDS, 2),
        "digest_hours": round(rates.digest_s * rooms / 2_000 / HOUR_SECONDS, 2),
    }


def _simulated(rate: float, workers: int, rates: Rates) -> Floats:
    rng = _rng()
    arrivals = demand.hour(rate, MINUTES * 60, rng)
    return queueing.shared(
        arrivals, rng.random(len(arrivals)), workers, rates.batch, most=BATCH, gather=GATHER
    )


def _percentiles(lag: Floats) -> Mapping[str, float]:
    told: Sequence[float] = np.quantile(lag, (0.5, 0.99, 1)).round(2).tolist()
    return dict(zip(("p50", "p99", "most"), told, strict=True))


def _kept(lag: Mapping[str, float]) -> bool:
    return lag["most"] <= LIMIT


def _rng() -> np.random.Generator:
    return np.random.default_rng(SEED)
