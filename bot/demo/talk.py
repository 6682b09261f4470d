"""What the members of a room say by themselves on one day."""

import datetime as dt
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from bot.demo import community, content, threads
from bot.demo import stage as stages
from bot.demo.community import Community, Room
from bot.demo.stage import Spoken, Stage

# Rooms in which somebody asks what the bot can answer, a day.
ASKS_THE_BOT: Final = 0.02
TROUBLED: Final = "MB001"
# Relative talk by local hour: a rise in the morning, a bump at noon, a long evening.
_RHYTHM: Final = (
    1, 0.4, 0.2, 0.1, 0.1, 0.4, 1.4, 3.2, 4.6, 4.4, 4.2, 3.8, 5.2, 4.2, 3.2, 3.2, 3.4, 3.8,
    4.6, 6.4, 8.2, 8.6, 6.2, 2.8,
)  # fmt: skip
_HOURS: Final = tuple(accumulate(_RHYTHM))


def day(everybody: Community, room: Room, date: dt.date) -> list[Spoken]:
    """What one room says on one local day of itself, in no particular order."""
    rng = everybody.draws("talk", room.id, date)
    stage = Stage(room, community.crowd(room, date), rng, f"{room.id[:7]}-{date:%m%d}-")
    weekend = room.vertical.weekend if date.weekday() >= 5 else 1
    is_last_week = (community.LAST_DAY - date).days < 7
    wanted = room.activity * weekend * (room.last_week if is_last_week else 1)
    wanted *= rng.lognormvariate(-0.03, 0.25)
    _mornings(stage, date, wanted)
    while len(stage.lines) < wanted:
        (hour,) = rng.choices(range(24), cum_weights=_HOURS)
        start(stage, community.instant(date, hour + rng.random()))
    _newcomers(stage, date)
    _trouble(stage, date)
    if rng.random() < ASKS_THE_BOT:
        at = community.instant(date, rng.uniform(9, 22))
        line = rng.choice(content.phrases()["bot_asks"])
        stages.put(stage, at, stage.crowd.draw(rng), line, to_bot=True)
    _take_back(stage)
    return stage.lines


def start(stage: Stage, at: dt.datetime) -> None:
    """One thread of some kind."""
    (thread,) = stage.rng.choices(_THREADS, cum_weights=_THREAD_WEIGHTS)
    thread(stage, at)


def _mornings(stage: Stage, date: dt.date, wanted: float) -> None:
    """Greetings and check-ins, most of them between seven and nine."""
    rng, common = stage.rng, content.phrases()
    for _ in range(community.poisson(rng, wanted * 0.07)):
        at = community.instant(date, rng.gauss(8, 0.7))
        words = {"day": str(rng.randint(2, 90))}
        line = rng.choice(common["checkin"] if rng.random() < 0.6 else common["morning"])
        stages.say(stage, at, stage.crowd.draw(rng), line, words)


def _newcomers(stage: Stage, date: dt.date) -> None:
    since, until = community.instant(date), community.instant(date + dt.timedelta(days=1))
    for stay in stage.room.stays:
        if stay.joined is None or not since <= stay.joined < until or stage.rng.random() > 0.5:
            continue
        at = stay.joined + dt.timedelta(seconds=stage.rng.lognormvariate(4.5, 0.7))
        words = content.plainly()
        hello = stage.rng.choice(content.phrases()["hello"])
        said = stages.say(stage, at, stay.member, hello, words)
        for moment in stages.delays(stage.rng, at, 60, stage.rng.randint(0, 3)):
            line = stage.rng.choice(content.phrases()["welcome"])
            member = stage.crowd.draw(stage.rng, stay.member)
            stages.reply(stage, moment, member, said, line, words=words, quoting=0.1)


def _trouble(stage: Stage, date: dt.date) -> None:
    """The story of the last days: one product of the first vertical came out wrong."""
    if stage.room.vertical.code != TROUBLED[:2] or (community.LAST_DAY - date).days >= 4:
        return
    product = stage.room.vertical.product(TROUBLED)
    for _ in range(community.poisson(stage.rng, 1.5)):
        hour = stage.rng.uniform(8, 22)
        threads.complain(stage, community.instant(date, hour), product)


def _take_back(stage: Stage) -> None:
    """One message in three hundred is recalled by its sender, within two minutes."""
    for spoken in list(stage.lines):
        if stage.rng.random() < 1 / 300:
            at = spoken.at + dt.timedelta(seconds=stage.rng.randint(5, 115))
            stages.put(stage, at, spoken.sender, None, type="recall", recalls=spoken.id)


_WEIGHTED: Final[tuple[tuple[Callable[[Stage, dt.datetime], None], float], ...]] = (
    (threads.ask, 20), (threads.ask_generally, 16), (threads.want, 6), (threads.share, 8),
    (threads.complain, 3), (threads.chat, 34), (threads.odds, 8), (threads.packet, 1),
)  # fmt: skip
_THREADS: Final = tuple(thread for thread, _ in _WEIGHTED)
_THREAD_WEIGHTS: Final = tuple(accumulate(weight for _, weight in _WEIGHTED))
