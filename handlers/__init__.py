"""Reactions to what happens in rooms: one per file, asked in this order, first answer wins."""

from collections.abc import Callable, Iterable

from handlers import check_in, keyword_answer, welcome
from handlers.moment import Moment, Reply

Handler = Callable[[Moment], Reply | None]

HANDLERS: tuple[Handler, ...] = (
    welcome.handle,
    keyword_answer.handle,
    check_in.handle,
)


def react(moment: Moment, handlers: Iterable[Handler] = HANDLERS) -> Reply | None:
    """The first answer of a handler, or None. Pure: nothing is sent from here."""
    return next((reply for handle in handlers if (reply := handle(moment)) is not None), None)
