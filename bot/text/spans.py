"""What in a text is one thing whatever its letters: emoticon, emoji, @name, link, numbers.

Only finds; the text stays as it came. Full-width digits count as digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a piece of text is."""

    WORD = "word"
    EMOTICON = "emoticon"
    EMOJI = "emoji"
    MENTION = "mention"
    LINK = "link"
    PHONE = "phone"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text, as it stands there."""

    kind: Kind
    text: str


_PICTURE = "[\U0001f300-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff]"
_TAIL = "[\ufe0f\u20e3\U0001f3fb-\U0001f3ff]"
# WeChat ends an @name with U+2005. A mobile number may be written in groups; an order number has
# ten digits or more, with up to four letters before it, and no letter beside it.
_THINGS = re.compile(
    "(?P<mention>@[^\u2005\n]{1,32}\u2005)"
    r"|(?P<link>(?:https?://|(?<![a-z0-9])www\.)[!-~]+)"
    r"|(?P<emoticon>\[[^\[\]\s]{1,8}\])"
    f"|(?P<emoji>[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3"
    f"|{_PICTURE}{_TAIL}*(?:\u200d{_PICTURE}{_TAIL}*)*)"
    r"|(?P<phone>(?<![\dA-Za-z])(?:[+\uff0b]?86[- ]?)?[1\uff11][3-9\uff13-\uff19]\d"
    r"(?:\d{8}|[- ]\d{4}[- ]\d{4})(?![\dA-Za-z]))"
    r"|(?P<order>(?<![\dA-Za-z])[A-Za-z]{0,4}\d{10,32}(?![\dA-Za-z]))",
    re.IGNORECASE,
)


def parted(text: str) -> Iterator[Span]:
    """`text` in pieces, in order; joined they give it back. What is no thing is of kind word."""
    done = 0
    for match in _THINGS.finditer(text):
        if match.start() > done:
            yield Span(Kind.WORD, text[done : match.start()])
        yield Span(Kind(match.lastgroup or Kind.WORD), match.group())
        done = match.end()
    if done < len(text):
        yield Span(Kind.WORD, text[done:])
