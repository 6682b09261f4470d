"""No rule of signals holds of a text in which none of its cues stands."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.text import asking, cues, feeling, manners, selling

RULES: tuple[tuple[int, re.Pattern[str]], ...] = (
    (cues.QUESTION, asking._PARTICLE),
    (cues.QUESTION, asking._WORD),
    (cues.QUESTION, asking._CHOICE),
    (cues.QUESTION, asking._REQUEST),
    (cues.PRICE, asking._PRICE),
    (cues.PURCHASE, asking._WHERE),
    (cues.PURCHASE, asking._WANTS),
    (cues.PURCHASE, asking._PLACED),
    (cues.GRIEVANCE, feeling._ANY),
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
