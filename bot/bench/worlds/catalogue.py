"""The worlds by name (ATTRIBUTION §7): what is planted in each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

HOUR = 3_600
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class World:
    """What is planted. Rates are per room and day, or week, as they say; times are hours.

    `effect` is how many incremental orders one organic mention makes, `volatility` the standard
    deviation of the logarithm of demand shocks that talk and purchases share, `shock_days` their
    memory. `events_a_week` are outside events: talk now and purchases later, unlinked. `topics` is
    whether rooms have a weekly topic drawn at random, and promo cells are held out at random.
    `prompted_effect` is how much a prompted mention works beside a spontaneous one. `local` is the
    part of the promotions that one room's operator sends to that room; the others go to a
    vertical. `popularity` is the exponent of the products' popularity by rank, `taste` the
    deviation of the logarithm of a room's interest. Decision 0023 gives the reasons.
    """

    name: str
    rooms: int = 300
    members: int = 60
    products: int = 20
    days: int = 42
    messages_a_day: float = 80.0
    naming: float = 0.10
    effect: float = 0.03
    popularity: float = 1.0
    taste: float = 1.0
    volatility: float = 0.0
    shock_days: float = 1.5
    events_a_week: float = 0.0
    topics: bool = False
    prompted_effect: float = 1.0
    base_a_day: float = 0.40
    promos_a_week: float = 1.2
    local: float = 0.5
    orders_a_promo: float = 0.7
    in_two_rooms: float = 0.08
    lurkers: float = 0.45
    disguised: float = 0.05
    poached: float = 0.35
    unresolved: float = 0.12
    wrong: float = 0.02
    recall: float = 0.90
    asks: float = 0.20
    shows: float = 0.15
    labels: int = 300
    holdout: float = 0.15


_ORDINARY = World("ordinary-80")
_LARGE = replace(_ORDINARY, name="large", rooms=1_200, topics=True)

WORLDS: Mapping[str, World] = MappingProxyType(
    {
        world.name: world
        for world in (
            _ORDINARY,
            replace(_ORDINARY, name="ordinary-15", messages_a_day=15.0),
            replace(_ORDINARY, name="placebo-80", effect=0.0),
            replace(_ORDINARY, name="placebo-15", effect=0.0, messages_a_day=15.0),
            replace(_ORDINARY, name="strong", effect=0.12),
            replace(_ORDINARY, name="volatile", volatility=1.0),
            replace(_ORDINARY, name="outside-events", events_a_week=2.0),
            _LARGE,
            replace(_LARGE, name="outside-events-large", events_a_week=2.0),
            replace(_LARGE, name="weak-prompt-large", prompted_effect=0.6),
        )
    }
)
