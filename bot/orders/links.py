"""Tracked links: what an order is known by that came through one."""

import re
from urllib.parse import parse_qs, urlsplit

PARAMETER = "qy"
_CODE = re.compile(r"[0-9A-Za-z]{4,20}", re.ASCII)


def mark(code: str | None) -> str | None:
    """What an order line keeps of the link that led to it; None of what is no code of ours."""
    return f"{PARAMETER}:{code}" if code and _CODE.fullmatch(code) else None


def code(link: str) -> str | None:
    """The code of ours that a link carries, if any."""
    return next(iter(parse_qs(urlsplit(link).query).get(PARAMETER, ())), None)
