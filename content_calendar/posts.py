"""One post: its name, what it is made of and until when it may go out; the same for plans and
previews.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from zoneinfo import ZoneInfo

from bot import links
from bot.errors import InvalidInput
from bot.gateway import Capabilities
from bot.intents import Tracked
from bot.settings import QuietHours
from content_calendar import draws, notation, questions, recurrence, templates, words
from content_calendar.audience import Target
from content_calendar.definition import Definition, Step
from content_calendar.notation import Draw
from content_calendar.recurrence import Slot
from content_calendar.words import Words

DAY = dt.timedelta(days=1)
IMAGE, LINK, MINI_PROGRAM = "图片", "链接", "小程序"
ARM_A = "A"


@dataclass(frozen=True, slots=True)
class Facts:
    """What posts may say beside the calendar and the room.

    `questions` are those asked in a room so far, by room id; `able` is what the gateway of an
    account can do, by account id (an account absent from it has not run yet). `links_url` is where
    short links begin (empty: texts hold the targets themselves), `own_links` whether each room gets
    its own: what is only shown shares a sample.
    """

    products: Mapping[str, str] = field(default_factory=dict)
    questions: Mapping[int, Sequence[str]] = field(default_factory=dict)
    picked: Sequence[str] = ()
    words: Words = words.NONE
    able: Mapping[int, Capabilities] = field(default_factory=dict)
    links_url: str = ""
    own_links: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a post. `step` names it within the series (`开场`, `开场+图片`)."""

    step: str
    text: str = ""
    image: str | None = None
    card: Mapping[str, str] | None = None
    mention_all: bool = False
    link: Tracked | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A post for one room: its messages in order, what was drawn, why it cannot go out."""

    room: Target
    parts: tuple[Part, ...]
    topic: str | None = None
    variant: str | None = None
    refused: str | None = None


def key(series: str, slot: Slot, step: str, room: str) -> str:
    """The name of the intent; moving or editing an occurrence never changes it."""
    return f"post:{series}:{slot.original_date.isoformat()}:{step}:{room}"


def messages(step: Step) -> int:
    """How many messages a post of this step is made of."""
    return sum(map(bool, (step.sources, step.image, step.link, step.mini_program)))


def compose(
    wanted: Definition, seed: int, slot: Slot, rooms: Iterable[Target], facts: Facts
) -> Iterator[Composed]:
    """The post of one step for each room; rooms of one kind share one rendering."""
    for kind in kinds(wanted, seed, slot.step, rooms, facts):
        one = compose_one(wanted, seed, slot, kind[0], facts)
        for room in kind:
            yield Composed(room, one.parts, one.topic, one.variant, one.refused)


def kinds(
    wanted: Definition, seed: int, step: str, rooms: Iterable[Target], facts: Facts
) -> list[tuple[Target, ...]]:
    """The rooms by what decides their post: all of one kind get the same, whatever the date."""
    told = _what_tells_apart(wanted, wanted.step(step), seed, facts)
    found: dict[tuple[object, ...], list[Target]] = {}
    for room in rooms:
        found.setdefault(tuple([each(room) for each in told]), []).append(room)
    return [tuple(kind) for kind in found.values()]


def _what_tells_apart(
    wanted: Definition, step: Step, seed: int, facts: Facts
) -> list[Callable[[Target], object]]:
    """What rooms may differ in that changes their post: of most steps very little."""
    read = frozenset[str]().union(*(templates.uses(source) for source in step.sources))
    able: dict[int | None, int] = {}
    different: dict[object, int] = {}

    def can(room: Target) -> int:
        # A number, since what an account can do takes long to hash.
        if room.account_id not in able:
            able[room.account_id] = different.setdefault(_able(room, facts), len(different))
        return able[room.account_id]

    told: list[Callable[[Target], object]] = [can, attrgetter("mention_all")]
    if step.rooms or step.texts:
        told.append(lambda room: _own(step, room))
    if step.ab:
        arms = (ARM_A, *step.ab)
        told.append(
            lambda room: (
                draws.arm(arms, seed, room.platform_id) if _own(step, room) is None else None
            )
        )
    if step.rotate:
        turns = 1 + len(step.rotate)
        told.append(
            lambda room: (
                draws.turn(turns, seed, room.platform_id, dt.date.min)
                if _own(step, room) is None
                else None
            )
        )
    if wanted.topic is not None and wanted.topic.draw is Draw.RANDOM:
        told.append(attrgetter("platform_id"))
    variables = {"room": "topic", "vertical": "vertical", "operator": "owner"}
    told += [attrgetter(name) for variable, name in variables.items() if variable in read]
    if templates.LINK in read and facts.links_url and facts.own_links:
        told.append(attrgetter("platform_id"))
    if "questions" in read:
        told.append(lambda room: tuple(facts.questions.get(room.id, ())))
    return told


def compose_one(wanted: Definition, seed: int, slot: Slot, room: Target, facts: Facts) -> Composed:
    """The post of one step for one room."""
    step = wanted.step(slot.step)
    topic = _topic(wanted, seed, slot, room)
    variant, source = _source(step, seed, slot, room)
    text, refused = "", None
    link = (
        _link(wanted, seed, slot, room, facts) if templates.LINK in templates.uses(source) else None
    )
    if source:
        shown = _shown(step, link, facts)
        values = _values(wanted, slot, room, topic, shown, facts)
        text, refused = _rendered(source, values, facts.words)
    parts = _parts(step, text, link if facts.own_links else None, room, facts)
    return Composed(room, parts, topic, variant, refused or _cannot(step, room, facts))


def expires_at(
    due_at: dt.datetime, zone: ZoneInfo, late_by_minutes: int | None, quiet: QuietHours | None
) -> dt.datetime:
    """Until when a post may go out: its lateness limit, else the next start of quiet hours in the
    room, else its local midnight.
    """
    if late_by_minutes is not None:
        return due_at + dt.timedelta(minutes=late_by_minutes)
    local = due_at.astimezone(zone)
    end = quiet.since if quiet is not None else dt.time()
    day = local.date() if local.time() < end else local.date() + DAY
    return recurrence.instant(day, end, zone)


def _topic(wanted: Definition, seed: int, slot: Slot, room: Target) -> str | None:
    if wanted.topic is None:
        return None
    return draws.topic(wanted.topic, seed, room.platform_id, slot.original_date)


def _source(step: Step, seed: int, slot: Slot, room: Target) -> tuple[str | None, str]:
    """The template of a room and, where one was drawn, the name of its variant."""
    own = _own(step, room)
    if own is not None:
        return None, own
    if step.ab:
        arms = (ARM_A, *step.ab)
        drawn = draws.arm(arms, seed, room.platform_id)
        return drawn, step.ab.get(drawn, step.text)
    if step.rotate:
        wordings = (step.text, *step.rotate)
        turn = draws.turn(len(wordings), seed, room.platform_id, slot.original_date)
        return str(turn + 1), wordings[turn]
    return None, step.text


def _own(step: Step, room: Target) -> str | None:
    return step.rooms.get(room.platform_id) or step.texts.get(room.vertical)


def _link(wanted: Definition, seed: int, slot: Slot, room: Target, facts: Facts) -> Tracked | None:
    """The short link of a room's post; None where links are not tracked."""
    target = wanted.step(slot.step).target
    if target is None or not facts.links_url:
        return None
    if not facts.own_links:
        return Tracked(links.sample(target), target)
    named = key(wanted.key, slot, slot.step, room.platform_id)
    return Tracked(links.of_post(seed, named, target), target)


def _shown(step: Step, link: Tracked | None, facts: Facts) -> str:
    return links.address(facts.links_url, link.code) if link is not None else step.target or ""


def _values(
    wanted: Definition, slot: Slot, room: Target, topic: str | None, link: str, facts: Facts
) -> templates.Variables:
    product = None
    if wanted.topic is not None and wanted.topic.products:
        product, topic = facts.products.get(topic or ""), None
    return templates.variables(
        room=room.topic,
        vertical=room.vertical,
        name=wanted.name,
        step=slot.step,
        date=slot.date,
        at=wanted.at,
        link=link,
        topic=topic,
        product=product,
        operator=room.owner or None,
        questions=questions.lines(facts.questions.get(room.id, ())),
        picked=questions.lines(facts.picked),
    )


def _rendered(source: str, values: templates.Variables, words: Words) -> tuple[str, str | None]:
    try:
        text = templates.render(source, values)
    except InvalidInput as error:
        return "", error.faults[0].problem
    forbidden = words.found(text)
    return text, None if forbidden is None else f"含有违禁词“{forbidden}”"


def _parts(
    step: Step, text: str, link: Tracked | None, room: Target, facts: Facts
) -> tuple[Part, ...]:
    can = _able(room, facts)
    calls = step.mention_all and room.mention_all and (can is None or can.mention_all)
    parts = [Part(step.name, text, mention_all=calls, link=link)] if step.sources else []
    if step.image is not None:
        parts.append(Part(f"{step.name}+{IMAGE}", image=step.image))
    for name, card in ((LINK, step.link), (MINI_PROGRAM, step.mini_program)):
        if card is not None:
            parts.append(Part(f"{step.name}+{name}", card=notation.card_as_json(card)))
    return tuple(parts)


def _cannot(step: Step, room: Target, facts: Facts) -> str | None:
    """Why the room's gateway cannot post all of a step."""
    can = _able(room, facts)
    if can is None:
        return None
    wants = (
        (IMAGE, step.image, can.images),
        (LINK, step.link, can.links),
        (MINI_PROGRAM, step.mini_program, can.mini_programs),
    )
    missing = [name for name, wanted, able in wants if wanted is not None and not able]
    return f"这个通道发不了{'、'.join(missing)}" if missing else None


def _able(room: Target, facts: Facts) -> Capabilities | None:
    return facts.able.get(room.account_id) if room.account_id is not None else None
