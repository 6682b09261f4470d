"""Every word of the console stands in every catalogue, and every catalogue says nothing more."""

import ast
import datetime as dt
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import jinja2
import pytest
import yaml
from jinja2.ext import extract_from_ast

from bot import console
from bot.console import boarding, catalogue
from bot.digest import goals, notes, sections
from bot.insights import explanation, needs, reasons, segments, shares
from bot.insights.explanation import Story
from bot.models import Grade, Label, Touch

FOLDER = Path(console.__file__).parent
# Sentences and names that commands say, too: a page says them in the reader's language.
TOLD = tuple(Path(inspect.getfile(module)) for module in (explanation, reasons))
NAMED = (
    *segments.NAMES.values(), *needs.named(), "类目·{name}",
    *(shares.TOO_FEW, shares.NO_LABELS, shares.NO_LAG, shares.MIRROR_ONLY),
    *(shares.APART, shares.OUTSIDE, shares.CLIPPED),
)  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")
OTHERS = [language for language in catalogue.LANGUAGES if language != catalogue.CHINESE]

# What stands behind the figures at the top of the board.
DEFINED = ("before", "messages", "participation", "response", "unanswered", "orders", "share")


def in_templates() -> Iterator[str]:
    """Every text that a template gives to `_`."""
    environment = jinja2.Environment(autoescape=True)
    for path in sorted((FOLDER / "templates").glob("*.html")):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for _, _, found in extract_from_ast(tree, ("_",)):
            parts = found if isinstance(found, tuple) else (found,)
            # What is no literal (None) stands in the code: labels, the menu.
            yield from (part for part in parts[:1] if part)


def in_code() -> Iterator[str]:
    """Every Chinese text of the code that is no docstring."""
    for path in (*sorted(FOLDER.rglob("*.py")), *TOLD):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        explained = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        formatted = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
            for part in node.values
        }  # fmt: skip
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and CHINESE.search(node.value)
                and id(node) not in explained | formatted
            ):
                yield node.value


def on_the_board() -> Iterator[str]:
    """What the board calls its figures, what these count and out of what, and what goals are of."""
    yield from (metric.name for metric in goals.METRICS.values())
    for key in DEFINED:
        yield from notes.TEXTS[key][:3]
    for path in sorted(Path(inspect.getfile(sections)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Figure":
                told = [part.value for part in node.args[:2] if isinstance(part, ast.Constant)]
                # An owner's lines are called by a name besides; no board is of an owner.
                if len(told) == 2 and told[0] in boarding.TOP:
                    yield str(told[1])


def shown() -> set[str]:
    return {*in_templates(), *in_code(), *NAMED, *on_the_board()}


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_every_translation_is_shown(language: str) -> None:
    known = catalogue.catalogue(language)
    # The console's own name for its first language, in that language.
    wanted = shown() - {catalogue.LANGUAGES[catalogue.CHINESE]}
    assert sorted(wanted - known.keys()) == [], "without a translation"
    assert sorted(known.keys() - wanted) == [], "never shown"


@pytest.mark.parametrize("language", OTHERS)
def test_no_file_says_otherwise_what_another_says(language: str) -> None:
    # The last one would win: a role was once called "Only" by what another page says of a column.
    files = sorted((FOLDER / "catalogue" / language).glob("*.yaml"))
    every = [text for path in files for text in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert sorted(text for text, times in Counter(every).items() if times > 1) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_the_values_and_says_it_in_its_own_language(language: str) -> None:
    for text, translated in catalogue.catalogue(language).items():
        assert names(text) == names(translated), text
        assert not CHINESE.search(re.sub(r"qunyun operator \S+ \S+", "", translated)), translated


def test_no_text_stands_outside_the_catalogue_in_a_template() -> None:
    for path in sorted((FOLDER / "templates").glob("*.html")):
        text = re.sub(
            r"{#.*?#}|{{.*?}}|{%.*?%}|<code>.*?</code>", "", path.read_text("utf-8"), flags=re.S
        )
        assert not CHINESE.search(text), path.name


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "zh"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, "fr,zh-TW;q=0.9", "zh"),
        ("zh", "en", "zh"),
        ("en", "zh", "en"),
    ],
)
def test_the_operators_choice_goes_before_the_browsers(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert catalogue.language_for(chosen, accepted) == language


@pytest.mark.parametrize(
    ("n", "shown"), [(1, "1 order"), ("1", "1 order"), (0, "0 orders"), ("1,204", "1,204 orders")]
)
def test_a_word_goes_with_its_number(n: int | str, shown: str) -> None:
    assert catalogue.translator("en")("{n} 单", n=n) == shown


@pytest.mark.parametrize("label", [Label.ORGANIC, Label.PROMO, Label.DIRECT])
@pytest.mark.parametrize("grade", [*Grade, None])
@pytest.mark.parametrize("touch", Touch)
def test_the_sentence_of_an_order_is_said_in_english_to_its_end(
    label: Label, grade: Grade | None, touch: Touch
) -> None:
    at = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    story = Story(
        "D1", 1, "Pan", at, label, grade, touch=touch, at=at - dt.timedelta(minutes=1),
        room="Room 1", speaker="Lin", weight=670_000,
    )  # fmt: skip
    told = explanation.explain(story, ZoneInfo("Asia/Shanghai"), catalogue.translator("en"))
    assert told.startswith("This order (Pan): ")
    assert told.endswith("about 70% sure.")
    assert " and it was ordered 1 min later. " in told
    assert not CHINESE.search(told)
