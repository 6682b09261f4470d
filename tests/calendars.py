"""Series of every shape that a calendar file can hold, for property tests."""

import datetime as dt
import re

from hypothesis import strategies as st

from bot.gateway import Link, MiniProgram
from bot.models import DayKind, HolidayPolicy, SeriesKind
from content_calendar import calendar_file, festivals, fields, holidays
from content_calendar.audience import Audience, Bounds
from content_calendar.definition import Definition, Step
from content_calendar.holidays import Days
from content_calendar.notation import Draw, Topic
from content_calendar.recurrence import (
    Dates,
    EveryDays,
    Festivals,
    Lunar,
    Monthly,
    Rrule,
    Rule,
    Schedule,
    Weekly,
)

# Every year is known where its festivals are.
KNOWN = Days(
    dict.fromkeys(
        festivals.dates(holidays.STATUTORY, dt.date(2000, 1, 1), dt.date(2202, 1, 1)),
        DayKind.HOLIDAY,
    )
)

odd = st.sampled_from(
    ["=", "+", "@", "、", ",", "\uff0c", "|", "\uff5c", '"', " ", "_", "x", "\ufffe", "→"]
)
letters = st.characters(exclude_categories=("Cc", "Cs")) | odd
lines = st.text(letters, min_size=1, max_size=12).filter(lambda line: bool(line.strip()))
names = st.text(letters, min_size=1, max_size=8).filter(
    lambda name: re.fullmatch(r"[^\s:\uff1a+]{1,64}", name) is not None
)
texts = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="{}")
    | odd
    | st.sampled_from("\n\t"),
    min_size=1,
).filter(lambda text: bool(text.strip()))
some_days = st.dates(fields.FIRST_DAY, fields.LAST_DAY)
clocks = st.times().map(lambda at: at.replace(second=0, microsecond=0))
some_lines = st.lists(lines, max_size=3, unique=True).map(tuple)
urls = st.sampled_from(["", "https://example.com/a?b=1,2|3"])
lunar_days = st.tuples(st.integers(1, 12), st.none() | st.integers(1, 30))
rules: st.SearchStrategy[Rule] = st.one_of(
    st.sets(st.integers(0, 6)).map(lambda each: Weekly(tuple(sorted(each)))),
    st.one_of(st.none(), st.integers(1, 31)).map(Monthly),
    st.integers(1, 3660).map(EveryDays),
    st.sets(some_days, max_size=4).map(lambda each: Dates(tuple(sorted(each)))),
    st.just(Rrule("FREQ=MONTHLY;BYDAY=2TU")),
    st.lists(lunar_days, max_size=3, unique=True).map(lambda each: Lunar(tuple(each))),
    st.lists(st.sampled_from(list(festivals.FESTIVALS)), max_size=3, unique=True).map(
        lambda each: Festivals(tuple(each))
    ),
)
bounds = st.none() | st.tuples(st.integers(0, 99), st.integers(100, 999)).flatmap(
    lambda two: st.sampled_from([Bounds(*two), Bounds(two[0]), Bounds(None, two[1])])
)
audiences = st.one_of(
    st.builds(
        Audience,
        *[some_lines] * 4,
        bounds,
        bounds,
        *[some_lines] * 4,
    ),
    st.builds(
        Audience,
        exclude=some_lines,
        exclude_tags=some_lines,
        exclude_verticals=some_lines,
        all=st.just(True),
    ),
)
pools = st.lists(lines, min_size=1, max_size=3, unique=True).map(tuple)
draws = st.sampled_from(Draw)
topics = st.none() | st.builds(Topic, draws, pool=pools) | st.builds(Topic, draws, products=pools)
overrides = st.dictionaries(lines, texts, max_size=2)
more: st.SearchStrategy[tuple[tuple[str, ...], dict[str, str]]] = st.one_of(
    st.tuples(st.lists(texts, max_size=2, unique=True).map(tuple), st.just({})),
    st.tuples(
        st.just(()), st.dictionaries(names.filter(lambda arm: arm != "A"), texts, max_size=2)
    ),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    rule = draw(rules)
    last = dt.date(2099, 12, 31) if isinstance(rule, Lunar) else fields.LAST_DAY
    starts, ends = sorted(draw(st.tuples(*[st.dates(fields.FIRST_DAY, last)] * 2)))
    moves = draw(st.dictionaries(some_days, some_days, max_size=3))
    skipped = frozenset(draw(st.sets(some_days, max_size=3))) - set(moves)
    also = frozenset(draw(st.sets(st.dates(starts, ends), max_size=2)))
    return Schedule(rule, starts, ends, skipped, moves, also, draw(st.sampled_from(HolidayPolicy)))


@st.composite
def some_steps(draw: st.DrawFn) -> Step:
    rotate, ab = draw(more)
    target = draw(st.none() | urls.filter(bool))
    return Step(
        name=draw(names),
        text=draw(texts) + ("" if target is None else " {{ link }}"),
        days=draw(st.integers(-60, 60)),
        at=draw(st.none() | clocks),
        texts=draw(overrides),
        rooms=draw(overrides),
        rotate=rotate,
        ab=ab,
        target=target,
        image=draw(st.none() | st.just("图 片.png")),
        link=draw(st.none() | st.builds(Link, lines, urls.filter(bool), st.just("") | lines, urls)),
        mini_program=draw(
            st.none() | st.builds(MiniProgram, lines, lines, st.just("") | lines, urls)
        ),
        mention_all=draw(st.booleans()),
    )


definitions = st.builds(
    Definition,
    key=names,
    name=lines,
    kind=st.sampled_from(SeriesKind),
    schedule=schedules(),
    at=clocks,
    audience=audiences,
    steps=st.lists(some_steps(), min_size=1, max_size=2, unique_by=lambda step: step.name).map(
        tuple
    ),
    zone=st.sampled_from([None, "Asia/Shanghai", "Europe/Berlin"]),
    default_zone=st.sampled_from([None, "Asia/Shanghai", "Europe/Berlin"]),
    late_by_minutes=st.none() | st.integers(1, calendar_file.LATEST_MINUTES),
    priority=st.integers(1, 9),
    topic=topics,
)
