"""One message to come, and the stage on which a stretch of talk is made up."""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.demo import content
from bot.demo.community import ZONE, Crowd, Member, Room
from bot.demo.content import Product, Words


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message to come. `sku` is the product that it is about and names; `to_bot`: its sender
    waits for the bot's answer.
    """

    id: str
    room: str
    sender: Member
    at: dt.datetime
    text: str | None
    type: str = "text"
    mentions: tuple[str, ...] = ()
    quote: str | None = None
    recalls: str | None = None
    sku: str | None = None
    to_bot: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A room with its crowd for a stretch of talk; what is said is appended to `lines`."""

    room: Room
    crowd: Crowd
    rng: random.Random
    prefix: str
    lines: list[Spoken] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


# Products of a vertical are talked about as unequally as people talk.
_FAME: Final = (5, 4, 3, 3, 2, 2)


def say(
    stage: Stage,
    at: dt.datetime,
    member: Member,
    template: str,
    words: Words,
    *,
    product: Product | None = None,
    quote: str | None = None,
    mentions: tuple[str, ...] = (),
) -> Spoken:
    """A message in somebody's own words and typing habits."""
    text = content.fill(stage.rng, template, words)
    text = content.habit(member.style, content.tailed(stage.rng, text))
    names = product is not None and any(name in text for name in (product.name, *product.aliases))
    sku = product.sku if product is not None and names else None
    return put(stage, at, member, text, sku=sku, quote=quote, mentions=mentions)


def reply(
    stage: Stage,
    at: dt.datetime,
    member: Member,
    to: Spoken,
    template: str,
    *,
    words: Words,
    product: Product | None = None,
    quoting: float = 0.4,
) -> Spoken:
    """A message to somebody: quoting them, naming them with @, or just in the flow."""
    manner = stage.rng.random()
    if manner < quoting:
        return say(stage, at, member, template, words, product=product, quote=to.id)
    if manner < quoting + 0.2 and member != to.sender:
        # WeChat ends a mention with this space, which is none to `str.strip`.
        named = f"@{to.sender.name}\u2005{template}"
        mentions = (to.sender.id,)
        return say(stage, at, member, named, words, product=product, mentions=mentions)
    return say(stage, at, member, template, words, product=product)


def put(
    stage: Stage,
    at: dt.datetime,
    member: Member,
    text: str | None,
    *,
    type: str = "text",
    mentions: tuple[str, ...] = (),
    quote: str | None = None,
    recalls: str | None = None,
    sku: str | None = None,
    to_bot: bool = False,
) -> Spoken:
    """A message exactly as given."""
    spoken = Spoken(
        id=f"{stage.prefix}{len(stage.lines)}",
        room=stage.room.id,
        sender=member,
        at=at.replace(microsecond=0),
        text=text,
        type=type,
        mentions=mentions,
        quote=quote,
        recalls=recalls,
        sku=sku,
        to_bot=to_bot,
    )
    stage.lines.append(spoken)
    return spoken


def famous(stage: Stage) -> Product:
    """A product of the room's vertical, the well-known ones more often."""
    (product,) = stage.rng.choices(stage.room.vertical.products, weights=_FAME)
    return product


def sticker(stage: Stage, at: dt.datetime, member: Member) -> None:
    """A sticker: the platform's own kind, or emoticons in a text."""
    if stage.rng.random() < 0.4:
        put(stage, at, member, None, type="emoticon")
    else:
        put(stage, at, member, stage.rng.choice(content.phrases()["stickers"]))


def delays(rng: random.Random, at: dt.datetime, median: float, count: int) -> Iterator[dt.datetime]:
    """`count` moments after `at`, in order: the gaps are log-normal around `median` seconds."""
    for _ in range(count):
        at += dt.timedelta(seconds=6 + median * rng.lognormvariate(0, 0.9))
        yield at


def working(at: dt.datetime) -> dt.datetime:
    """`at`, or the next morning where it falls into an operator's night."""
    local = at.astimezone(ZONE)
    if local.hour >= 9 and local.hour < 23:
        return at
    day = local.date() + dt.timedelta(days=int(local.hour >= 23))
    morning = dt.datetime.combine(day, dt.time(9, local.minute, local.second), ZONE)
    return morning.astimezone(dt.UTC)


def fresh(stage: Stage, lines: Sequence[str]) -> str:
    """A line that was not used yet on this stage, if there is one after a few tries."""
    for _ in range(4):
        line = stage.rng.choice(lines)
        if line not in stage.used:
            break
    stage.used.add(line)
    return line
