"""What a text is, how long it is and what it must not do. Pure."""

from __future__ import annotations

import re

from bot import errors

# Marks that read badly as plain text: headings, bold, links, quotes and tables. Lists are no sign
# of Markdown: people write them in plain text too, and they look the same in both.
_MARKDOWN = re.compile(
    r"^#{1,6} +\S|^> *\S|^\|.*\|$|\*\*[^*\n]+\*\*|\[[^\]\n]+\]\(https?://[^)\s]+\)", re.MULTILINE
)
# 企业微信 reads <@someone> and 飞书 <at …> anywhere in a text as a call to people.
_CALL = re.compile(r"<(?=\s*(?:@|/?at\b))", re.IGNORECASE)
_MARKS = re.compile(r"[#>*|`\s]+")
_TITLE_LENGTH = 40


def is_markdown(text: str) -> bool:
    """Whether a text was written to be rendered."""
    return _MARKDOWN.search(text) is not None


def calling_nobody(text: str) -> str:
    """The text with every tag that would call people made harmless, looking as before.

    A post calls everyone where it says so (`mention_all`), not where it quotes somebody.
    """
    return _CALL.sub("<\u200b", text)


def first_words(text: str) -> str:
    """The beginning of a text without Markdown's marks: what a list of conversations shows."""
    lines = (_MARKS.sub(" ", line).strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:_TITLE_LENGTH]


def require_size(what: str, size: int, limit: int) -> None:
    """Refuse what is too long before it is handed over: nothing is cut. Sizes are bytes.

    Raises SendRefused.
    """
    if size > limit:
        raise errors.SendRefused(
            f"{what}有 {size:,} 字节,超过平台的 {limit:,} 字节上限,请缩短或拆成几条再发"
        )
