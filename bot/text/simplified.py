"""Traditional characters as simplified ones, for comparing only: the text stays as it came.

OpenCC is imported here alone. It knows words (乾坤 stays, 乾淨 becomes 干净), so a text is handed
over whole; one without any traditional character, nearly all of them, never is.
"""

import functools
import re

import opencc

# The block in which nearly all Chinese is written.
_FIRST, _LAST = 0x4E00, 0x9FFF


def simplified(text: str) -> str:
    """`text` in simplified characters. Lone surrogates must have been replaced before."""
    return text if _traditional().search(text) is None else _converter().convert(text)


@functools.cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@functools.cache
def _traditional() -> re.Pattern[str]:
    """Any character that OpenCC writes otherwise when it stands alone."""
    alone = [chr(code) for code in range(_FIRST, _LAST + 1)]
    written = _converter().convert("\n".join(alone)).split("\n")
    return re.compile(f"[{''.join(a for a, b in zip(alone, written, strict=True) if a != b)}]")
