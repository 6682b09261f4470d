"""What members do about our posts: they answer what arrived in their room, and nothing else."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from bot.demo import community, content, threads
from bot.demo import stage as stages
from bot.demo.community import Community, Room
from bot.demo.content import Promo
from bot.demo.stage import Spoken, Stage

# Extra threads that an opening starts, for each usual message of a day.
QA_THREADS: Final = 0.12
SHARING_THREADS: Final = 0.06
ECHOES: Final = 0.07
_QA: Final = re.compile("解答日.*(开始|开场)")
_SHARING: Final = re.compile("分享日.*(开始|开场)")


@dataclass(frozen=True, slots=True)
class Post:
    """One post of ours as a room saw it."""

    id: str
    room: str
    text: str
    at: dt.datetime


def after(everybody: Community, room: Room, post: Post) -> list[Spoken]:
    """What a room says because of a post, in no particular order."""
    date = post.at.astimezone(community.ZONE).date()
    rng = everybody.draws("post", room.id, post.id)
    stage = Stage(room, community.crowd(room, date), rng, f"{room.id[:7]}-{date:%m%d}-{post.id}-")
    promo = promoted(room, post.text)
    if promo is not None:
        _echo(stage, post, promo)
    match opened(post.text):
        case "qa_day":
            _ask(stage, post)
        case "sharing_day":
            _share(stage, post)
        case _:
            pass
    return stage.lines


def opened(text: str) -> str | None:
    """Which kind of day a post opens, as the figures of a digest call it."""
    if _QA.search(text):
        return "qa_day"
    return "sharing_day" if _SHARING.search(text) else None


def promoted(room: Room, text: str) -> Promo | None:
    """The promotion that a post is, by its coupon."""
    return next((promo for promo in room.vertical.promos if promo.coupon in text), None)


def _ask(stage: Stage, post: Post) -> None:
    for at in _evening(stage, post, QA_THREADS):
        frame = stage.rng.choice(content.phrases()["qa_questions"])
        asks = threads.ask if stage.rng.random() < 0.6 else threads.ask_generally
        asks(stage, at, frame)


def _share(stage: Stage, post: Post) -> None:
    for at in _evening(stage, post, SHARING_THREADS):
        threads.share(stage, at, stage.rng.choice(content.phrases()["sharing"]))


def _evening(stage: Stage, post: Post, threads_a_message: float) -> list[dt.datetime]:
    """When threads start: soon after the post, fewer and fewer for two hours."""
    count = 1 + community.poisson(stage.rng, threads_a_message * stage.room.activity)
    return [
        post.at + dt.timedelta(minutes=1 + min(stage.rng.expovariate(1 / 40), 120))
        for _ in range(count)
    ]


def _echo(stage: Stage, post: Post, promo: Promo) -> None:
    product = stage.room.vertical.product(promo.sku)
    words = content.scene(stage.rng, stage.room.vertical, product)
    mean = 1 + ECHOES * stage.room.activity
    for _ in range(community.poisson(stage.rng, mean)):
        at = post.at + dt.timedelta(minutes=1 + min(stage.rng.expovariate(1 / 25), 110))
        line = stages.fresh(stage, content.phrases()["echo"])
        member = stage.crowd.draw(stage.rng)
        stages.say(stage, at, member, line, words, product=product)
