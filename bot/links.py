"""Tracked links: short links of ours, and what an order is known by that came through one.

A code is made of two parts. The first names the target, so that whoever reads a text knows what a
link in it leads to; the second the post and the room that it was made for. Both are lower case:
people type them.
"""

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit, urlunsplit

from bot.errors import Fault, InvalidInput

PARAMETER = "qy"
PATH = "/l/"
LONGEST = 2_000
_CODE = re.compile(r"[0-9A-Za-z-]{4,20}", re.ASCII)
_OPENING, _REST = 5, 10
_SHORT = re.compile(rf"[a-z2-7]{{{_OPENING}}}-[a-z2-7]{{{_REST}}}", re.ASCII)
_IN_TEXT = re.compile(rf"(?:https?://[!-~]*)?{PATH}{_SHORT.pattern}", re.ASCII)


def of_post(seed: int, key: str, target: str) -> str:
    """The code of the link in one post to one room: the same again whenever it is made again.

    `seed` is the series' own, so that nobody outside can make it up; `key` names the delivery.
    """
    return _code(target, f" {seed} {key}")


def of_own(random: str, target: str) -> str:
    """The code of a link that somebody asked for; `random` is drawn for it."""
    return _code(target, f" {random}")


def sample(target: str) -> str:
    """What stands for the codes of all rooms where a post is shown beforehand; as long as they."""
    return f"{_letters(target, _OPENING)}-{'x' * _REST}"


def opening(target: str) -> str:
    """What every short link to a target holds, and no other."""
    return f"{PATH}{_letters(target, _OPENING)}"


def address(base: str, code: str) -> str:
    """A short link as it stands in a text; `base` is where the console answers in public."""
    return f"{base.rstrip('/')}{PATH}{code}"


def destination(target: str, code: str) -> str:
    """Where a short link leads: the target, which is told the code, so that its orders carry it."""
    parts = urlsplit(target)
    # Piece by piece, as it was written: a shop may sign its query, or spell it in GBK.
    asked = (piece for piece in parts.query.split("&") if piece.partition("=")[0] != PARAMETER)
    told = "&".join(piece for piece in (*asked, f"{PARAMETER}={code}") if piece)
    return urlunsplit(parts._replace(query=told))


def normal(code: str) -> str | None:
    """A code of a short link as it is kept, however it was typed; None of what is none."""
    folded = code.strip().lower()
    return folded if _SHORT.fullmatch(folded) else None


def mark(code: str | None) -> str | None:
    """What an order line keeps of the link that led to it; None of what is no code of ours."""
    return f"{PARAMETER}:{code}" if code and _CODE.fullmatch(code) else None


def code(link: str) -> str | None:
    """The code of ours that a link carries, if any."""
    try:
        query = urlsplit(link).query
    except ValueError:
        # Shops tell all kinds of things: this is no address.
        return None
    return next(iter(parse_qs(query).get(PARAMETER, ())), None)


def marked(kept: str) -> str | None:
    """The code of a short link in what an order line keeps (mark or address); else None."""
    kind, _, code_alone = kept.partition(":")
    if kind == PARAMETER:
        return normal(code_alone)
    return normal(kept.rpartition(PATH)[2] if PATH in kept else code(kept) or "")


def without(text: str) -> str:
    """A text without its short links: what it says in every room alike."""
    return _IN_TEXT.sub("", text) if PATH in text else text


def check(target: str) -> str:
    """A web address that a short link may lead to. Raises InvalidInput."""
    try:
        parts = urlsplit(target)
        holds = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        holds = False
    if not holds or not re.fullmatch(r"[!-\[\]-~]+", target, re.ASCII):
        remedy = "以 https:// 开头;中文和空格写成 %XX"
        raise InvalidInput(Fault("", 0, "target", f"{target[:80]} 不是网址", remedy))
    if parts.username is not None or parts.password is not None:
        remedy = "去掉 @ 和它前面的用户名、密码"
        raise InvalidInput(Fault("", 0, "target", "网址里有用户名或密码", remedy))
    if len(target) > LONGEST:
        problem = f"网址有 {len(target)} 个字"
        raise InvalidInput(Fault("", 0, "target", problem, f"缩短到 {LONGEST} 以内"))
    return target


def _code(target: str, told: str) -> str:
    return f"{_letters(target, _OPENING)}-{_letters(target + told, _REST)}"


def _letters(words: str, count: int) -> str:
    digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode().lower()[:count]
