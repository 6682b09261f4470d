"""What was said in one room in the last 24 hours, as far as quotes and mentions ask for it.

Column by column: of a message that nobody may ever quote, 33 bytes are kept.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bot.text import signals
from bot.text.wording import wording

_NO, _YES, _UNHEARD = 0, 1, 2
# So many forgotten ones wait at the front for their places to be cleared at once.
_CLEARED: Final = 256


@dataclass(slots=True)
class Past:
    """A room's messages in order: `at` in seconds, the hash of the platform `name`, our `id`, who
    said it (`contacts`), and whether it `asks`. The first `old` of them are forgotten.

    Hashes of 64 bits stand for platform ids: of a million messages, two are taken for one another
    once in ten million rooms. A message is called by its number, `gone` of which are cleared.
    `by_sender` are the numbers of what may be a question; what nobody had to understand yet is
    kept `unheard`, as (type, text).
    """

    at: "array[float]" = field(default_factory=lambda: array("d"))
    names: "array[int]" = field(default_factory=lambda: array("q"))
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    contacts: "array[int]" = field(default_factory=lambda: array("q"))
    asks: "array[int]" = field(default_factory=lambda: array("b"))
    old: int = 0
    gone: int = 0
    by_sender: dict[str, list[int]] = field(default_factory=dict)
    unheard: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at) - self.old

    def add(
        self,
        id: int,
        platform_id: str,
        contact_id: int,
        sender: str,
        at: float,
        unheard: tuple[str, str] | None,
        *,
        asks: bool,
    ) -> None:
        """Remember one more message, the latest; what is `unheard` may be a question."""
        if asks or unheard is not None:
            number = self.gone + len(self.at)
            self.by_sender.setdefault(sender, []).append(number)
            if unheard is not None:
                self.unheard[number] = unheard
        self.at.append(at)
        self.names.append(hash(platform_id))
        self.ids.append(id)
        self.contacts.append(contact_id)
        self.asks.append(_UNHEARD if unheard is not None else _YES if asks else _NO)

    def forget(self, before: float) -> None:
        """What nobody can answer any more."""
        old, count = self.old, len(self.at)
        while old < count and self.at[old] < before:
            old += 1
        self.old = old
        if old >= _CLEARED and 2 * old > count:
            self._clear()

    def find(self, platform_id: str) -> int | None:
        """The number of a message by its platform id."""
        if not len(self):
            return None
        found = np.flatnonzero(np.frombuffer(self.names, np.int64)[self.old :] == hash(platform_id))
        return self.gone + self.old + int(found[-1]) if found.size else None

    def asked_by(self, sender: str) -> Iterator[int]:
        """The numbers of what may be questions of somebody's, the latest first."""
        for number in reversed(self.by_sender.get(sender, ())):
            if number < self.gone + self.old:
                return
            yield number

    def question(self, number: int, contact_id: int) -> int | None:
        """Our id of a message, where it is a question of anybody but that contact."""
        place = number - self.gone
        if self.contacts[place] == contact_id:
            return None
        if self.asks[place] == _UNHEARD:
            kind, text = self.unheard.pop(number)
            self.asks[place] = _YES if signals.asks(kind, wording(text)) else _NO
        return self.ids[place] if self.asks[place] == _YES else None

    def _clear(self) -> None:
        old = self.old
        for column in (self.at, self.names, self.ids, self.contacts, self.asks):
            del column[:old]
        self.gone, self.old = self.gone + old, 0
        kept = {
            sender: [number for number in numbers if number >= self.gone]
            for sender, numbers in self.by_sender.items()
        }
        self.by_sender = {sender: numbers for sender, numbers in kept.items() if numbers}
        self.unheard = {
            number: said for number, said in self.unheard.items() if number >= self.gone
        }
