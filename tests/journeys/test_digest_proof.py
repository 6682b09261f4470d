"""Every number of every kind of digest is counted again another way, from what was said and sold,
and leads to its definition and to the command that lists what it counts.
"""

import ast
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine

from bot import database
from bot.digest import card, compose, gather, render, workbook
from bot.digest import sections as parts
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import FLEET
from bot.insights import rolling, segments
from bot.models import DigestScope
from tests import community, known, proof
from tests.community import MONDAY, NOW, ZONE
from tests.recount import Recount
from tests.saying import member_says, record

SUBJECTS = (
    FLEET,
    Subject(DigestScope.VERTICAL, "宝妈育儿"),
    Subject(DigestScope.OWNER, "小李"),
    Subject(DigestScope.ROOM, "a@chatroom"),
    Subject(DigestScope.ROOM, "g@chatroom"),
    Subject(DigestScope.ROOM, "l@chatroom"),
)


def sheets(engine: Engine, subjects: Sequence[Subject] = SUBJECTS) -> list[Sheet]:
    with database.reading(engine) as session:
        findings = Findings(gather.gather(session, MONDAY, NOW, ZONE))
        return compose.sheets(session, findings, subjects)


def test_every_number_of_a_digest_is_counted_again(engine: Engine, tmp_path: Path) -> None:
    told = community.happen()
    community.settle(engine, told, tmp_path)
    at_once = sheets(engine)
    rolling.catch_up(engine, ZONE, NOW)
    assert sheets(engine) == at_once
    counted = Recount(told)
    with database.reading(engine) as session:
        assert segments.candidates(session).total == counted.testers() > 0
    seen: set[str] = set()
    for subject, sheet in zip(SUBJECTS, at_once, strict=True):
        expected = known.Builder(counted, engine, subject).build()
        assert proof.prove(sheet, expected) > 150
        seen |= expected.seen
        assert unexplained(render.html(sheet)) == []
        assert unnoted(render.markdown(sheet)) == []
        assert unmarked(workbook.xlsx(sheet)) == []
    # The proof itself can fail: at a number that nobody counts, and at one counted otherwise.
    first, *rest = sheet.sections
    wrong = replace(first.figures[0], amount=(first.figures[0].amount or 0) + 1)
    for changed in (
        replace(sheet, title=f"{sheet.title} 7"),
        replace(sheet, sections=(replace(first, figures=(wrong,)), *rest)),
        replace(sheet, sections=(replace(first, figures=(replace(wrong, key="new"),)), *rest)),
    ):
        with pytest.raises(AssertionError):
            proof.prove(changed, expected)
    # Nothing is exempt: the one figure that takes more orders than this community has is estimated
    # again in a world that has them (test_digest_share.py).
    assert figures() - seen == {"organic_share"}


@pytest.mark.parametrize("messages", [0, 3, 60])
def test_small_weeks_explain_their_numbers_too(engine: Engine, messages: int) -> None:
    said = [
        member_says(
            f"第{n}个问题怎么办?", f"2026-11-0{2 + n % 6} 20:{n % 60:02}", room="a", id=f"{n}"
        )
        for n in range(messages)
    ]
    record(engine, *said)
    subjects = (FLEET, *([Subject(DigestScope.ROOM, "a")] if said else []))
    for sheet in sheets(engine, subjects):
        assert unexplained(render.html(sheet)) == []
        assert unnoted(render.markdown(sheet)) == []
        assert unmarked(workbook.xlsx(sheet)) == []
        assert card.png(sheet)


def figures() -> set[str]:
    """The key of every figure that any part of a digest can make."""
    assert parts.__file__
    found: set[str] = set()
    for path in Path(parts.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Figure":
                key = node.args[0]
                found |= {str(key.value)} if isinstance(key, ast.Constant) else {"lift_qa_day"}
    return found


@dataclass
class Node:
    """One element of a page: what it is, the words right in it, and what stands in it."""

    tag: str
    mark: str = ""
    up: "Node | None" = None
    words: list[str] = field(default_factory=list)
    inside: "list[Node]" = field(default_factory=list)

    def noted(self) -> bool:
        """Whether a footnote's link stands in it."""
        return self.mark.startswith("#n") or any(node.noted() for node in self.inside)


class Tree(HTMLParser):
    """The page as elements; what is never closed holds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.here = self.root = Node("")
        self.every: list[Node] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        node = Node(
            tag, named.get("href") or named.get("id") or named.get("class") or "", self.here
        )
        self.here.inside.append(node)
        self.every.append(node)
        if tag not in ("meta", "br"):
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "br") and self.here.up:
            self.here = self.here.up

    def handle_data(self, data: str) -> None:
        self.here.words.append(data)


def unexplained(page: str) -> list[str]:
    """Words of a page with a number in them and no footnote: in their paragraph, their figure,
    their table, or the item or list that they are a part of. Definitions, the title with its dates
    and words of members are no figures.
    """
    tree = Tree()
    tree.feed(page)
    return [
        words.strip()
        for node in tree.every
        for words in node.words
        if re.search(r"\d", words) and not _explained(node)
    ]


def _explained(node: Node) -> bool:
    # Members' words, definitions and styles hold no figures; footnotes' own numbers are links.
    plain = {"head", "header", "style", "q", "sup", "title"}
    chain = [node]
    while chain[-1].up:
        chain.append(chain[-1].up)
    if any(each.tag in plain or each.mark in ("notes", "left-out") for each in chain):
        return True
    for each in chain:
        if each.tag in ("section", "dl"):
            return False
        if each.tag in ("p", "div", "figure", "table", "li") and each.noted():
            return True
    return False


def unnoted(text: str) -> list[str]:
    """Lines of a digest's Markdown with a number and no footnote, neither in them nor in the line
    that opens their table, list or item.
    """
    found, opened = [], False
    body, _, _ = text.partition("## 没有算进来的")
    # The title and its dates end at the first point.
    for line in body[body.index("\n- ") :].splitlines():
        if line.startswith(("|", "   -", "- “", "  - ")):
            noted = opened
        else:
            noted = "[^" in line
            opened = noted if line.strip() else opened
        plain = re.sub(r"“[^”]*”", "", line)
        if not noted and re.search(r"\d", plain):
            found.append(line)
    return found


def unmarked(book: bytes) -> list[tuple[str, str]]:
    """(page, first cell) of rows of a digest's workbook with a number and no definition; the frame
    of the digest, where its messages stand and the definitions themselves are no figures.
    """
    frame = {"周报", "时间", "状态", "运营的话", "没有算进来的", "怎么读"}
    found = []
    for page in openpyxl.load_workbook(io.BytesIO(book)):
        if page.title in {"依据", "定义与出处"}:
            continue
        header, *rows = page.iter_rows(values_only=True)
        place = header.index("定义")
        for row in rows:
            said = " ".join(str(cell) for n, cell in enumerate(row) if n != place and cell)
            in_frame = page.title == "说明" and row[0] in frame
            if re.search(r"\d", said) and not row[place] and not in_frame:
                found.append((page.title, str(row[0])))
    return found
