"""Reactions to what happens in rooms: one per file, asked in this order, first answer wins."""

from collections.abc import Callable

from handlers import check_in, keyword_answer, welcome
from handlers.moment import Moment, Reply

HANDLERS: tuple[Callable[[Moment], Reply | None], ...] = (
    welcome.handle,
    keyword_answer.handle,
    check_in.handle,
)


def react(moment: Moment) -> Reply | None:
    """The first answer of a handler, or None. Pure: nothing is sent from here."""
    return next((reply for handle in HANDLERS if (reply := handle(moment)) is not None), None)
