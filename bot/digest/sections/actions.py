"""Three things to do next week, each with the messages behind it."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bot.digest import phrasing
from bot.digest.quoting import quotable
from bot.digest.saying import Words
from bot.digest.sections import complaints, quoted, rooms, said
from bot.digest.sheet import Action, Evidence, Line
from bot.digest.view import View
from bot.insights import reasons, tagging, topics
from bot.insights.segments import Person
from bot.models import DigestScope

MOST = 3
MOST_EVIDENCE = 3
# Rooms of a scope whose open questions stand behind an action.
MOST_ROOMS = 8
FEWEST_OPEN = 3
NO_WORDS = Words("", "")


def actions(view: View) -> tuple[Action, ...]:
    """The first three that there is reason for, the most pressing first."""
    if not view.counted:
        return ()
    return tuple(islice(_reasons(view), MOST))


def behind(view: View) -> list[int]:
    """The rooms of which messages stand behind actions: what is said there has to be fetched."""
    if view.scope is DigestScope.ROOM:
        return list(view.rooms)
    return list(dict.fromkeys((*_busiest(view), *_to_visit(view))))


def _busiest(view: View) -> list[int]:
    """The rooms with the most open questions."""
    if view.scope is DigestScope.ROOM:
        return list(view.rooms)
    open_ones = {
        room: rooms.unanswered(view, room)
        for room in view.counted
        if rooms.members(view, room) >= topics.FEWEST_MEMBERS
    }
    ranked = sorted(open_ones, key=lambda room: (-open_ones[room], room))
    return [room for room in ranked[:MOST_ROOMS] if open_ones[room]]


def _reasons(view: View) -> Iterator[Action]:
    yield from _complaints(view)
    yield from _next_topic(view)
    yield from _visit(view)
    yield from _testers(view)
    yield from _learn(view)
    yield from _stagger(view)


def _complaints(view: View) -> Iterator[Action]:
    late = complaints.overdue(view)
    if late:
        why = f"{len(late):,} 起投诉过了 24 小时还没了结。"
        yield Action(
            "先了结超时的投诉",
            Line(why, (view.note("complaints"),)),
            tuple(
                _evidence(view, room, (case.at, case.message_id, case.name), f"case:{case.id}")
                for room, case in late[:MOST_EVIDENCE]
            ),
        )


def _next_topic(view: View) -> Iterator[Action]:
    """What the next Q&A day should be about: what people ask and nobody answers."""
    found = view.figures.waiting(view.week.answered_until)
    if found.unanswered < FEWEST_OPEN:
        return
    where = _busiest(view)
    word, naming = _asked_for(view, where)
    topic = f"讲“{word}”" if word else "先答没人回的提问"
    most = ""
    if view.scope is not DigestScope.ROOM and where:
        most = f"，{rooms.named(view, where[0])}占 {rooms.unanswered(view, where[0]):,} 个"
    why = f"本周 {found.unanswered:,} 个提问没人回应{most}。"
    if word:
        why = f"没人回的提问里至少 {naming:,} 个问到它；共 {found.unanswered:,} 个没人回应{most}。"
    notes = (view.note("unanswered"), *((view.note("topics"),) if word else ()))
    yield Action(
        f"下次问题解答日{topic}",
        Line(why, notes),
        _open_questions(view, where, word),
    )


def _asked_for(view: View, where: Sequence[int]) -> tuple[str, int]:
    """The word among those that rose which stands in most of the open questions that were looked
    at, and in how many; "" where none does.
    """
    open_ones = [each.words for each in _open(view, where)]
    named = [
        (word.text, sum(word.text in words for words in open_ones))
        for word in said.rising_words(view)
        if word.text
    ]
    most = max(named, key=lambda each: each[1], default=("", 0))
    return most if most[1] else ("", 0)


def _to_visit(view: View) -> list[int]:
    """The room whose fall is least likely to be chance."""
    below, _ = rooms.called(view)
    return [room for room, _ in below[:1]]


def _visit(view: View) -> Iterator[Action]:
    if view.scope is DigestScope.ROOM:
        return
    below, _ = rooms.called(view)
    if below:
        room, change = below[0]
        why = (
            f"群日均 {phrasing.rate(change.now)}，往常 {phrasing.rate(change.usual)}；"
            f"还有 {rooms.unanswered(view, room):,} 个提问没人回应。"
        )
        yield Action(
            f"去{rooms.named(view, room)}看看",
            Line(why, (view.note("rooms"),)),
            _open_questions(view, [room]),
            rooms.key(room),
        )


def _testers(view: View) -> Iterator[Action]:
    """Busy in the rooms, low spenders: whom to invite."""
    found = view.week.candidates
    if view.scope is not DigestScope.FLEET or not found.total:
        return
    why = f"{found.total:,} 位成员在群里很活跃、90 天消费低于买家的中位数。"
    yield Action(
        "邀请几位体验官",
        Line(why, (view.note("candidates"),)),
        tuple(
            Evidence(_tester(view, person), key=_person(person))
            for person in found.people[:MOST_EVIDENCE]
        ),
    )


def _learn(view: View) -> Iterator[Action]:
    if view.scope is DigestScope.ROOM:
        return
    _, above = rooms.called(view)
    if above:
        room, change = above[0]
        why = f"群日均 {phrasing.rate(change.now)}，往常 {phrasing.rate(change.usual)}。"
        title = f"问问{rooms.named(view, room)}做对了什么"
        yield Action(title, Line(why, (view.note("rooms"),)), key=rooms.key(room))


def _stagger(view: View) -> Iterator[Action]:
    held = {kind for kind, by_room in view.week.held.items() if by_room.keys() & set(view.counted)}
    if view.scope is DigestScope.FLEET and not held:
        yield Action(
            "办一次问题解答日或用户分享日",
            Line(
                "最近 28 天没有发出过活动日；先办一半的群，下个月就能知道它带来多少。",
                (view.note("lift"),),
            ),
        )


class _Open(NamedTuple):
    """A question that nobody answered: where it stands and, as far as they are known, its words."""

    at: dt.datetime
    room: int
    message_id: int
    name: str
    words: str


def _open(view: View, where: Sequence[int]) -> list[_Open]:
    """The open questions of these rooms, the oldest first."""
    return sorted(
        _Open(one.at, room, one.message_id, spoken.names[one.message_id], words.text)
        for room in where
        if (spoken := view.behind.get(room)) is not None
        for one in spoken.questions
        if not one.answers and one.message_id in spoken.names
        for words in [spoken.words.get(one.message_id, NO_WORDS)]
    )


def _open_questions(view: View, where: Sequence[int], word: str = "") -> tuple[Evidence, ...]:
    """The oldest open questions of these rooms that have the word in them."""
    found = [one for one in _open(view, where) if word in one.words]
    return tuple(
        _evidence(
            view,
            one.room,
            (one.at, one.message_id, one.name),
            f"question:{one.room}:{one.message_id}",
        )
        for one in found[:MOST_EVIDENCE]
    )


def _evidence(view: View, room: int, message: tuple[dt.datetime, int, str], key: str) -> Evidence:
    """Where a message (when, id, the platform's name) stands; what it says in its room's own
    digest alone.
    """
    at, message_id, name = message
    local = phrasing.moment(at.astimezone(view.week.rooms[room].zone))
    words = quoted.words(view, message_id) if view.scope is DigestScope.ROOM else None
    where = f"{rooms.topic(view, room)} · {local} · 消息 {name}"
    return Evidence(where, quotable(words.text) if words else "", key)


def _person(person: Person) -> str:
    return f"person:{person.profile.contact_id}" if person.profile.contact_id else ""


def _tester(view: View, person: Person) -> str:
    """Masked: who it is stands in the list of candidates, for those who may see it."""
    told = [
        phrasing.punctuated(reasons.why(tag.name, tag.why, view.week.zone))
        for tag in person.tags
        if tag.name in (tagging.BUSY, tagging.LOW_SPEND)
    ]
    where = person.rooms[0] if person.rooms else ""
    return f"{quotable(person.name)[:1]}**（{where}）：{'；'.join(told)}"
