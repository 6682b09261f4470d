"""Charts: everything stands inside its picture, and is said in words too."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.charts import drawing, palette
from bot.charts.chart import Bar, Chart, Heat, HeatRow

AMOUNTS = some.lists(some.none() | some.floats(0, 1e5), max_size=30)


def test_a_day_without_a_number_has_no_bar_and_a_day_without_messages_has_a_thread() -> None:
    chart = Chart("columns", "每天", "", (Bar("周一", None, "—"), Bar("周二", 0, "0")))
    none, zero = (rect for rect in drawing.draw(chart).rects if rect.title)
    assert none.height == 0
    assert zero.height > 0


@pytest.mark.parametrize("form", drawing.FORMS)
@given(AMOUNTS, some.floats(0, 1e5))
def test_bars_and_band_stay_inside_their_picture(
    form: str, amounts: list[float | None], high: float
) -> None:
    bars = tuple(Bar("x", amount, "1") for amount in amounts)
    drawn = drawing.draw(Chart(form, "", "", bars, 0, high))
    for rect in drawn.rects:
        assert rect.x >= 0
        assert rect.x + rect.width <= drawn.width + 1.1
        assert rect.y >= 0
        assert rect.y + rect.height <= drawn.height + 0.1
        assert rect.tone in palette.TONES
    for word in drawn.words:
        assert 0 <= word.x <= drawn.width
        assert 0 <= word.y <= drawn.height


def test_the_parts_of_a_whole_fill_its_bar_and_thin_ones_carry_no_words() -> None:
    bars = (Bar("大", 95, ""), Bar("小", 5, ""))
    drawn = drawing.draw(Chart("parts", "", "", bars))
    assert [rect.width for rect in drawn.rects] == [0.95 * 640 - 3, 0.05 * 640 - 3]
    assert [word.text for word in drawn.words] == ["95%"]


def test_an_hour_without_a_number_stays_empty_and_the_busiest_is_the_darkest() -> None:
    rows = (HeatRow("周一", (0, 1, 10)), HeatRow("周二", (None, None, 5)))
    drawn = drawing.draw(Heat("", "", ("0", "", ""), rows))
    cells = {(each.tone, each.opacity): each.d.count("M") for each in drawn.cells}
    assert cells.pop(("track", 1)) == 6
    assert sum(cells.values()) == 3
    assert cells["heat", 1.0] == 1


@given(some.lists(AMOUNTS, max_size=7))
def test_any_heat_map_can_be_drawn(rows: list[list[float | None]]) -> None:
    heat = Heat("", "", (), tuple(HeatRow("x", tuple(row)) for row in rows))
    known = sum(bool(amount) for row in rows for amount in row)
    drawn = drawing.draw(heat)
    assert sum(each.d.count("M") for each in drawn.cells if each.tone == "heat") == known


def test_light_and_dark_know_the_same_colours() -> None:
    assert palette.LIGHT.keys() == palette.DARK.keys()
    assert set(palette.TONES) <= palette.LIGHT.keys()
