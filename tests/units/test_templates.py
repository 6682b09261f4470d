"""What a post says."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        "{{ room[0] }}",
        "{{ self }}",
        "{{ '好' if room == '美妆 3 群' }}",
        "{{ room | default('x', *vertical) }}",
        "{{ room | truncate(1) }}",
        "{{ '%1000000000d' is divisibleby 3 }}",
        "{{ 'a'" + " | replace('a', 'aaaaaaaaaa')" * 30 + " }}",
        "{{ " + "1" * 5000 + " }}",
        "{{ room" + " | trim" * 1000 + " }}",
        "{% if room %}" * 101 + "x" + "{% endif %}" * 101,
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


@pytest.mark.parametrize(
    "source",
    [
        '{{ topic | default("这一周") }}',
        '{{ topic | d("这一周") | upper }}',
        '{{ topic | default(default_value="这一周") }}',
        "{% if topic %}{{ topic }}{% else %}这一周{% endif %}",
        "{% if not topic %}这一周{% else %}{{ topic }}{% endif %}",
        "{% if topic is defined %}{{ topic }}{% else %}这一周{% endif %}",
        "{% if topic and room %}{% if room %}{{ topic }}{% endif %}{% endif %}这一周",
        "{% if not topic or not product %}这一周{% else %}{{ topic }}{{ product }}{% endif %}",
        "{% if not topic %}这一周{% elif room %}{{ topic }}{% endif %}",
        "{{ topic if topic else '这一周' }}",
        "{% if topic == '秋冬护肤' %}护肤{% else %}这一周{% endif %}",
        "{% if topic | first == '秋' and topic | length > 2 %}护肤{% else %}这一周{% endif %}",
    ],
)
def test_absent_and_blank_data_give_the_text_written_for_that(source: str) -> None:
    templates.check(source)
    for absent in (None, "", " \n"):
        assert templates.render(source, replace(VALUES, topic=absent)) == "这一周"
    assert templates.render(source, replace(templates.SAMPLE, topic="秋冬护肤"))


@pytest.mark.parametrize(
    "source",
    [
        "{{ topic }}",
        '{{ topic | default("") }}',
        "{{ topic | default(room) }}",
        '{{ topic | upper | default("这一周") }}',
        '{{ topic[:2] | default("这一周") }}',
        "{{ room | default(topic) }}",
        "{% if topic %}{{ topic }}{% else %}{{ topic }}{% endif %}",
        "{% if topic %}好{% endif %}{{ topic }}",
        "{% if not topic %}{{ topic }}{% endif %}",
        "{% if topic or room %}{{ topic }}{% endif %}",
        "{% if topic == room %}{{ topic }}{% endif %}",
        "{% if product %}{% if room %}{{ topic }}{% endif %}{% endif %}",
        "{% if topic %}好{% elif product %}{{ topic }}{% endif %}",
    ],
)
def test_data_without_a_default_are_refused_with_the_remedy(source: str) -> None:
    with pytest.raises(InvalidInput, match=r'写成 {{ topic \| default\("…"\) }}'):
        templates.check(source)


def test_a_text_that_would_be_empty_or_too_long_without_data_is_refused() -> None:
    with pytest.raises(InvalidInput, match="没有 topic 时,文字是空的"):
        templates.check("{% if topic %}{{ topic }}{% endif %}")
    with pytest.raises(InvalidInput, match="没有 product 时,文字是空的"):
        templates.check("{% if topic and not product %}{% else %}好{% endif %}")
    with pytest.raises(InvalidInput, match="没有 picked 时,文字有 2001 个字"):
        templates.check("{% if not picked %}" + "字" * 2001 + "{% else %}好{% endif %}")


def test_fixed_names_that_are_empty_can_have_a_default_too() -> None:
    source = "{{ vertical | default('好物') }}"
    assert templates.render(source, replace(VALUES, vertical="")) == "好物"


def test_a_template_uses_the_names_it_reads_wherever_they_stand() -> None:
    source = "{% if topic %}{{ room }}{% else %}{{ questions | default('无') }}{% endif %}"
    assert templates.uses(source) == {"topic", "room", "questions"}
    assert templates.uses("明天见") == frozenset()


NAME = st.sampled_from(templates.NAMES)
PRINTED = st.one_of(
    NAME.map(lambda name: f"{{{{ {name} }}}}"),
    NAME.map(lambda name: f"{{{{ {name} | default('无') | truncate(9) }}}}"),
    NAME.map(lambda name: f"{{{{ {name}[:3] | last }}}}"),
    st.just("字"),
)
TEST = st.recursive(
    st.one_of(
        NAME,
        NAME.map(lambda name: f"{name} == '美妆'"),
        NAME.map(lambda name: f"{name} | first < 'x'"),
        NAME.map(lambda name: f"{name} is defined"),
        NAME.map(lambda name: f"{name} is undefined"),
    ),
    lambda inner: st.one_of(
        inner.map(lambda test: f"not ({test})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: "({}) {} ({})".format(*parts)
        ),
    ),
    max_leaves=3,
)
SOURCE = st.recursive(
    PRINTED,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(TEST, inner, TEST, inner, inner).map(
            lambda parts: "{{% if {} %}}{}{{% elif {} %}}{}{{% else %}}{}{{% endif %}}".format(
                *parts
            )
        ),
    ),
    max_leaves=6,
)
DATUM = st.none() | st.text(max_size=5)


@given(SOURCE, st.fixed_dictionaries(dict.fromkeys(sorted(templates.DATA), DATUM)))
def test_what_was_accepted_renders_whatever_data_are_absent(
    source: str, data: dict[str, str | None]
) -> None:
    try:
        templates.check(source)
    except InvalidInput:
        return
    values = templates.variables(
        room="群",
        vertical="美妆",
        name="栏",
        step="步",
        date=dt.date(2026, 1, 1),
        at=dt.time(),
        link="",
        **data,
    )
    try:
        text = templates.render("字" + source, values)
    except InvalidInput as error:
        raise AssertionError(source) from error
    assert "None" not in text and "Undefined" not in text
    # Rooms that agree on what a template uses get the same text.
    others = {name: "别" for name in templates.NAMES if name not in templates.uses(source)}
    assert templates.render("字" + source, replace(values, **others)) == text
