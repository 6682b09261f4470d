"""What of a member's words may stand in a digest of their own room."""

import re
import unicodedata

LONGEST = 90
_LINK = re.compile(
    r"(?:https?|weixin|taobao)://[^\s\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]+"
    r"|\bwww\.[^\s\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|cn|net|org|top|xyz|shop|vip|cc|me|io|app|link|site|club)\b"
    r"(?:[/?#][^\s\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]*)?",
    re.IGNORECASE,
)
# Mainland mobiles and landlines with separators; longer digits (QQ, bank cards) go as well.
_PHONE = re.compile(
    r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d){8}(?!\d)"
    r"|(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)"
    r"|(?<![\d.])\d{9,}(?!\d)"
)
_MENTION = re.compile(r"@[^@\s\u2005]{1,40}\u2005|@(?:所有人|全体成员|all\b)\s?", re.IGNORECASE)
_UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def quotable(text: str, longest: int = LONGEST) -> str:
    """The words without links, phone numbers, mentions and control characters, on one line.

    Cut at `longest` characters with an ellipsis; empty where nothing is left to quote.
    """
    # Full-width digits and letters would otherwise hide a number or an address.
    plain = "".join(unicodedata.normalize("NFKC", c) if c in _WIDE else c for c in text)
    plain = _UNSEEN.sub("", plain)
    for unwanted in (_MENTION, _LINK, _PHONE):
        plain = unwanted.sub(" ", plain)
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in plain)
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


_WIDE = frozenset(chr(code) for code in (*range(0xFF10, 0xFF1A), 0xFF0B, 0xFF0E, 0xFF20)) | {
    chr(code) for start in (0xFF21, 0xFF41) for code in range(start, start + 26)
}
