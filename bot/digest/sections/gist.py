"""The week in a few words, for the top of the card: what to take away before any number."""

from collections.abc import Iterator

from bot.digest import view as viewing
from bot.digest.sections import complaints, rooms
from bot.digest.view import View
from bot.models import DigestScope

PLACES = {1: "消息高于往常", -1: "消息低于往常", 0: "消息和往常差不多"}


def gist(view: View) -> str:
    """What changed and what waits; nothing where no room's messages are known."""
    return " · ".join(_parts(view)) if view.counted else ""


def _parts(view: View) -> Iterator[str]:
    change = viewing.standing(view.week, view.counted).change
    if change is not None:
        yield PLACES[change.side]
    elif view.week.whole:
        yield "还没有可比的早先各周"
    if view.scope is not DigestScope.ROOM:
        below, _ = rooms.called(view)
        if below:
            yield f"{len(below):,} 群变冷"
    late, heard = len(complaints.overdue(view)), complaints.heard(view)
    if late:
        yield f"{late:,} 起投诉超时"
    elif heard:
        yield f"{heard:,} 条投诉"
    unanswered = view.figures.waiting(view.week.answered_until).unanswered
    if unanswered:
        yield f"{unanswered:,} 问没人回"
