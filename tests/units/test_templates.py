"""What a post says."""

import datetime as dt

import pytest

from bot.errors import InvalidInput
from content_calendar import templates

VALUES = templates.variables(
    room="美妆 3 群",
    vertical="美妆",
    name="问题解答日",
    step="开场",
    date=dt.date(2026, 11, 4),
    at=dt.time(20),
)


def test_variables_read_as_members_read_them() -> None:
    source = "{{ room }}:{{ date }}({{ weekday }}){{ time }} {{ vertical }}{{ name }}{{ step }}"
    assert templates.render(source, VALUES) == "美妆 3 群:11月4日(周三)20:00 美妆问题解答日开场"


def test_a_text_can_choose_and_loses_its_outer_blanks() -> None:
    source = "{% if vertical == '美妆' %}空瓶 {% else %}好物{% endif %}\n"
    assert templates.render(source, VALUES) == "空瓶"


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match="没有 verticle 这个变量;是不是 vertical"):
        templates.check("{% if false %}{{ verticle }}{% endif %}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ room",
        "{% for a in room %}{{ a }}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ room.__class__ }}",
        "{{ room.upper() }}",
        "{{ room|center(1000000000) }}",
        "{{ " + "(" * 4000 + "room" + ")" * 4000 + " }}",
        "{% include 'x' %}",
        "{% set x = 1 %}{{ x }}",
        "{{ room[0][1] }}",
        "{# nothing #}",
        " \n ",
        "字" * 2001,
    ],
)
def test_what_cannot_be_posted_is_refused_before_it_is_stored(source: str) -> None:
    with pytest.raises(InvalidInput):
        templates.check(source)


def test_a_text_that_grows_too_long_in_one_room_is_refused_there() -> None:
    templates.check("字" * 1990 + "{{ room }}")
    values = templates.variables(
        room="群" * 20,
        vertical="",
        name="",
        step="",
        date=dt.date(2026, 11, 4),
        at=dt.time(),
    )
    with pytest.raises(InvalidInput, match="2010 个字"):
        templates.render("字" * 1990 + "{{ room }}", values)
