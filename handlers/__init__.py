"""Reactions to what happens in rooms: one per file, asked in this order, first answer wins."""

from collections.abc import Callable, Iterable

from handlers import (
    check_in,
    complaint,
    faq_answer,
    keyword_answer,
    operator_command,
    welcome,
)
from handlers.moment import Moment, Reaction

Handler = Callable[[Moment], Reaction | None]

HANDLERS: tuple[Handler, ...] = (
    welcome.handle,
    operator_command.handle,
    complaint.handle,
    keyword_answer.handle,
    faq_answer.handle,
    check_in.handle,
)


def react(moment: Moment, handlers: Iterable[Handler] = HANDLERS) -> Reaction | None:
    """The first answer of a handler, or None. Pure: nothing is done from here."""
    return next((found for handle in handlers if (found := handle(moment)) is not None), None)
