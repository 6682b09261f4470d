"""Seeded draws: which topic, arm or wording a room gets; the same again, and known beforehand.

Only the series' stored seed, the room and the week (or date) go in, so that every draw can be
repeated and none depends on what the room said.
"""

import datetime as dt
from collections.abc import Sequence

from bot.insights import trials
from content_calendar.notation import Draw, Topic


def topic(topic: Topic, seed: int, room: str, day: dt.date) -> str:
    """The topic, or the sku of the product, of a room's week; `day` is any day of it."""
    pool = topic.pool or topic.products
    monday = day - dt.timedelta(days=day.weekday())
    if topic.draw is Draw.ROTATE:
        return pool[monday.toordinal() // 7 % len(pool)]
    return pool[trials.number(seed, *trials.topic_words(room, monday)) % len(pool)]


def arm(arms: Sequence[str], seed: int, room: str) -> str:
    """The arm of an A/B comparison; a room stays in it."""
    return arms[trials.number(seed, *trials.arm_words(room)) % len(arms)]


def turn(wordings: int, seed: int, room: str, day: dt.date) -> int:
    """Which of so many wordings; a room goes through all of them, each room from its own start."""
    # Weekly occurrences move on by one, and so do daily ones.
    gone = day.toordinal() // 7 + day.toordinal() % 7
    return (trials.number(seed, "turn", room) + gone) % wordings
