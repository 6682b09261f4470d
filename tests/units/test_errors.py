"""What logs say of an error."""

import re

import pytest

from bot import database, errors


def test_what_is_away_is_told_in_one_line_with_its_place_and_without_its_words() -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        database.connect("mysql://a secret")
    told = errors.place(raised.value)
    assert re.fullmatch(r"InvalidInput in database\.py:\d+", told)
    assert errors.place(ValueError("never raised")) == "ValueError"
