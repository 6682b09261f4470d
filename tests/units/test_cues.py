"""No rule of signals holds of a text in which none of its cues stands."""

import importlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.text import asking, cues, feeling, grievances, manners, selling

# How `re` itself reads a pattern: lists of (operation, argument).
PARSER = importlib.import_module("re._parser")

# What `grievances.found` finds, as one expression.
COMPLAINT = re.compile(
    "|".join(f"(?P<{kind}>{words})" for kind, words in grievances.WORDS.items()), re.VERBOSE
)
# Digits of other scripts begin no complaint (`grievances.found`).
WRITTEN = st.characters(exclude_categories=["Nd", "Cs"], include_characters="0123456789")
RULES: tuple[tuple[int, re.Pattern[str]], ...] = (
    (cues.QUESTION, asking._PARTICLE),
    (cues.QUESTION, asking._WORD),
    (cues.QUESTION, asking._CHOICE),
    (cues.QUESTION, asking._REQUEST),
    (cues.PRICE, asking._PRICE),
    (cues.PURCHASE, asking._WHERE),
    (cues.PURCHASE, asking._WANTS),
    (cues.PURCHASE, asking._PLACED),
    (cues.GRIEVANCE, COMPLAINT),
    (cues.PRAISE, feeling._PLEASED),
    (cues.SHARE, manners._SHARED),
    (cues.ADVERTISEMENT, selling._CONTACT),
    (cues.ADVERTISEMENT, selling._LURE),
    (cues.ADVERTISEMENT, selling._PASSWORD),
)


@pytest.mark.parametrize(("bit", "rule"), RULES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_a_rule_finds_has_a_cue(bit: int, rule: re.Pattern[str], data: st.DataObject) -> None:
    text = data.draw(st.from_regex(rule))
    found = rule.search(text)
    if found is not None:
        # A rule that looks around its match is asked of the whole text.
        assert cues.of(found.group()) & bit or cues.of(text) & bit


def test_a_text_without_cues_has_none() -> None:
    assert cues.of("天地玄黄") == 0
    assert cues.of("红屁屁在哪?") == cues.QUESTION


def test_words_of_complaints_begin_with_the_characters_that_are_searched_for() -> None:
    wholes = [PARSER.parse(words, re.VERBOSE) for words in grievances.WORDS.values()]
    assert set().union(*map(begins, wholes)) == grievances.FIRST
    for words in grievances.WORDS.values():
        for one in grievances._alternatives(words):
            first = begins(PARSER.parse(one, re.VERBOSE))
            assert all(grievances.may_begin(one, character) for character in first)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.from_regex(COMPLAINT, alphabet=WRITTEN) | st.sampled_from("没不还一了,的 "), max_size=4
    )
)
def test_complaints_are_found_as_one_expression_of_all_finds_them(texts: list[str]) -> None:
    text = "".join(texts)
    assert [(one.span(), one.lastgroup) for one in grievances.found(text)] == [
        (one.span(), one.lastgroup) for one in COMPLAINT.finditer(text)
    ]


def begins(parsed: object) -> set[str]:
    """The characters with which what a parsed pattern finds may begin; it finds nothing empty."""
    found: set[str] = set()
    for operation, argument in vars(parsed)["data"]:
        characters, may_be_empty = begins_one(operation, argument)
        found |= characters
        if not may_be_empty:
            return found
    raise AssertionError("a branch may find nothing at all")


def begins_one(operation: object, given: object) -> tuple[set[str], bool]:
    """Of one step, and whether what comes after it may come first."""
    match str(operation), given:
        case "LITERAL", int(code):
            return {chr(code)}, False
        case "IN", list(parts):
            return set().union(*(begins_in(str(part), value) for part, value in parts)), False
        case "BRANCH", (_, list(branches)):
            return set().union(*map(begins, branches)), False
        case "SUBPATTERN", (_, _, _, steps):
            return begins(steps), False
        case "MAX_REPEAT", (int(least), _, steps):
            return begins(steps), least == 0
        case "ASSERT" | "ASSERT_NOT" | "AT", _:
            return set(), True
    raise AssertionError(f"a pattern begins with {operation}")


def begins_in(part: str, value: object) -> set[str]:
    """Of one part of a class of characters."""
    match part, value:
        case "LITERAL", int(code):
            return {chr(code)}
        case "RANGE", (int(first), int(last)):
            return {chr(code) for code in range(first, last + 1)}
        case "CATEGORY", name if str(name) == "CATEGORY_DIGIT":
            return set("0123456789")
    raise AssertionError(f"a class has {part}")
