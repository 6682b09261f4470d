"""How a member stands in what another writes: 「name：what they said」 before an answer, and @name.
Pure.
"""

import re
from collections.abc import Callable

GONE_NAME, GONE_TEXT = "已注销", "〔已删除〕"
# As WeChat writes it. A name may hold a blank, since another kind of blank ends it after an @.
_QUOTED = re.compile(r"「([^「」\n]{1,64}?)[：:](.*?)」", re.DOTALL)  # its colon
_CALLED = re.compile(r"@([^@\u2005\n]{1,64})\u2005|@([^@\s]{1,64})")


def words(text: str | None) -> set[str]:
    """The names and the words that a text may quote or call."""
    if not text:
        return set()
    found = {part for match in _QUOTED.findall(text) for part in match}
    return {word for word in found | {a or b for a, b in _CALLED.findall(text)} if word}


def without(text: str | None, gone: frozenset[str]) -> str | None:
    """The text with these names and words taken out where it quotes or calls."""
    if not text or not gone:
        return text
    return _CALLED.sub(_called(gone), _QUOTED.sub(_quote(gone), text))


def _quote(gone: frozenset[str]) -> Callable[[re.Match[str]], str]:
    # Either tells whose it is: a name may have changed since, and short words are anybody's.
    def instead(match: re.Match[str]) -> str:
        return match[0] if gone.isdisjoint(match.groups()) else f"「{GONE_NAME}：{GONE_TEXT}」"

    return instead


def _called(gone: frozenset[str]) -> Callable[[re.Match[str]], str]:
    def instead(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return match[0].replace(name, GONE_NAME) if name in gone else match[0]

    return instead
