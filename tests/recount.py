"""Counting again: what the numbers of a digest are by their definitions (DESIGN §7), in plain Python
over what was said, the rows of the order file and the posts. Nothing of `bot.insights` or
`bot.digest` is used here, and statistics are statsmodels' and scipy's.
"""

import datetime as dt
import math
import re
import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bot.gateway import Said
from bot.models import DeliveryState, SeriesKind
from tests.community import DAY, FIRST, MONDAY, NOW, PLACES, STAFF, UNTIL, WEEK, ZONE, Told

MONTH = UNTIL - 4 * WEEK
Rooms = Collection[str]


@dataclass
class Recount:
    """The raw facts, and what follows from them for any set of rooms."""

    told: Told

    @cached_property
    def of_members(self) -> dict[str, list[Said]]:
        """By room: what counts, in order; no operator, bot, system message or recalled one."""
        found: dict[str, list[Said]] = defaultdict(list)
        for one in self.told.said:
            if (
                one.sender not in STAFF
                and one.type not in ("system", "recall")
                and one.id not in self.told.recalled
            ):
                found[one.room].append(one)
        return found

    def spoken(self, room: str, since: dt.date = MONDAY, until: dt.date = UNTIL) -> list[Said]:
        return [one for one in self.of_members[room] if since <= day(one) < until]

    def all_spoken(self, rooms: Rooms, since: dt.date = MONDAY) -> list[Said]:
        return [one for room in rooms for one in self.spoken(room, since)]

    def present(self, room: str, end: dt.date = UNTIL) -> set[str]:
        at = midnight(room, end)
        listed = {person for where, person in self.told.listed if where == room}
        return listed | {
            stay.person
            for stay in self.told.stays
            if stay.room == room and stay.joined < at and (stay.left is None or stay.left >= at)
        }

    # Messages

    def rate(self, rooms: Rooms, monday: dt.date = MONDAY) -> float:
        """Messages a room-day of one week, from the log or, before it, from what was imported."""
        return statistics.fmean(self._of_week(room, monday) / 7 for room in rooms)

    def _of_week(self, room: str, monday: dt.date) -> int:
        if monday < FIRST:
            return self.told.elsewhere[room, monday]
        return len(self.spoken(room, monday, monday + WEEK))

    def earlier(self, rooms: Rooms) -> dict[dt.date, float]:
        mondays = [FIRST - n * WEEK for n in (3, 2, 1)]
        mondays += [FIRST + n * WEEK for n in range((MONDAY - FIRST).days // 7)]
        return {monday: self.rate(rooms, monday) for monday in mondays}

    def band(self, rooms: Rooms) -> tuple[float, float, float, float]:
        """(low, usual, high, p) of the rooms' rate among their earlier weeks."""
        return predicted(list(self.earlier(rooms).values()), self.rate(rooms))

    def changed(self, rooms: Rooms) -> tuple[dict[str, int], int]:
        """(rooms whose change is called one, with its side; rooms outside their band)."""
        compared = [room for room in rooms if len(self.members(room)) >= 5]
        bands = {room: self.band([room]) for room in compared}
        called, _, _, _ = multipletests([band[3] for band in bands.values()], 0.05, "fdr_bh")
        side = {
            room: (self.rate([room]) > band[2]) - (self.rate([room]) < band[0])
            for room, band in bands.items()
        }
        sure = {room: side[room] for room, yes in zip(compared, called, strict=True) if yes}
        return sure, sum(map(abs, side.values()))

    def effective(self, rooms: Rooms) -> int:
        return sum(len(self._effective(room)) for room in rooms)

    def _effective(self, room: str, since: dt.date = MONDAY) -> list[Said]:
        heard: list[tuple[dt.datetime, str]] = []
        found = []
        standing = [
            one
            for one in self.told.said
            if one.room == room
            and one.type not in ("system", "recall")
            and one.id not in self.told.recalled
        ]
        for place, one in enumerate(standing):
            text = bare(one.text)
            late = [said for at, said in heard if one.at - at <= DAY]
            repeats = bool(text) and any(alike(text, said) for said in late)
            flood = 1 + sum(
                other.sender == one.sender and one.at - other.at < dt.timedelta(seconds=60)
                for other in standing[max(place - 20, 0) : place]
            )
            by_itself = one.type == "emoticon" or text in ("打卡", "1")
            if text:
                heard.append((one.at, text))
            counts = not (repeats or by_itself or flood > 5) and one.sender not in STAFF
            if counts and since <= day(one) < UNTIL:
                found.append(one)
        return found

    # Members

    def members(self, room: str) -> set[str]:
        return {one.sender for one in self.spoken(room)} | self.present(room)

    def speech(self, rooms: Rooms) -> list[int]:
        """Messages of everybody who spoke, by room and person, most first."""
        said = Counter((one.room, one.sender) for one in self.all_spoken(rooms))
        return sorted(said.values(), reverse=True)

    def speaker_days(self, rooms: Rooms) -> int:
        return len({(one.room, one.sender, day(one)) for one in self.all_spoken(rooms)})

    def member_days(self, rooms: Rooms) -> int:
        return sum(
            len(
                {one.sender for one in self.spoken(room, on, on + DAY)}
                | self.present(room, on + DAY)
            )
            for room in rooms
            for on in (MONDAY + n * DAY for n in range(7))
        )

    def month(self, rooms: Rooms) -> tuple[int, int]:
        """Seats that spoke in 28 days, and all seats of these days' end."""
        spoke = {room: {one.sender for one in self.spoken(room, MONTH)} for room in rooms}
        return (
            sum(map(len, spoke.values())),
            sum(len(spoke[room] | self.present(room)) for room in rooms),
        )

    def newcomers(self, rooms: Rooms) -> list[bool]:
        """Of everybody whose first seven days ended in this week: whether they spoke in them."""
        found = []
        for stay in self.told.stays:
            first = stay.joined.astimezone(PLACES[stay.room].zone).date()
            if stay.room in rooms and MONDAY - 6 * DAY <= first <= UNTIL - WEEK:
                said = self.spoken(stay.room, first, first + WEEK)
                found.append(any(one.sender == stay.person for one in said))
        return found

    def moves(self, rooms: Rooms) -> tuple[int, int]:
        """(joins, leaves) of the week."""
        return (
            sum(within(stay.room, stay.joined) for stay in self.told.stays if stay.room in rooms),
            sum(
                within(stay.room, stay.left)
                for stay in self.told.stays
                if stay.room in rooms and stay.left
            ),
        )

    # Questions

    def asked(self, rooms: Rooms) -> list[Said]:
        return [one for one in self.all_spoken(rooms) if (one.text or "").endswith("?")]

    @cached_property
    def _replies(self) -> dict[str, list[Said]]:
        found: dict[str, list[Said]] = defaultdict(list)
        for one in self.told.said:
            human = one.sender != "bot" and one.id not in self.told.recalled
            if one.quote and human and one.at < midnight(one.room, UNTIL):
                found[one.quote].append(one)
        return found

    def replies(self, asked: Said) -> list[Said]:
        """What humans answered before the room's midnight, in order of time."""
        return self._replies[asked.id]

    def waited(self, rooms: Rooms) -> list[tuple[float, bool]]:
        """(seconds, whether somebody answered then) of every question."""
        found = []
        for one in self.asked(rooms):
            replies = self.replies(one)
            end = replies[0].at if replies else min(midnight(one.room, UNTIL), one.at + DAY)
            found.append(((end - one.at).total_seconds(), bool(replies)))
        return found

    def quantile(self, rooms: Rooms, share: float) -> float | None:
        """When so many of the questions had an answer."""
        return quantile(self.waited(rooms), share)

    # Special days

    def held(self, kind: SeriesKind) -> dict[str, set[dt.date]]:
        found: dict[str, set[dt.date]] = defaultdict(set)
        for post in self.told.posts:
            if post.kind is kind and post.state is DeliveryState.SENT:
                found[post.room].add(post.day)
        return found

    def any_held(self, room: str) -> set[dt.date]:
        return set().union(*(self.held(kind)[room] for kind in SeriesKind))

    def contrasts(self, kind: SeriesKind, rooms: Rooms) -> numpy.ndarray:
        """Treated rooms × rooms beside them: how much more the one rose than the other."""
        (on,) = set().union(*self.held(kind).values())
        treated = [room for room in rooms if on in self.held(kind)[room]]
        beside = [room for room in PLACES if on not in self.any_held(room)]
        rows = [
            [
                self._rise(room, on, other) - self._rise(other, on, room)
                for other in beside
            ]
            for room in treated
        ]  # fmt: skip
        return numpy.array(rows)

    def _rise(self, room: str, on: dt.date, other: str) -> float:
        without = self.any_held(room) | self.any_held(other)
        said = self.by_day(room)
        return said[on] - statistics.fmean(said[each] for each in said if each not in without)

    def by_day(self, room: str) -> dict[dt.date, int]:
        said = Counter(day(one) for one in self.spoken(room, MONTH))
        return {MONTH + n * DAY: said[MONTH + n * DAY] for n in range(28)}

    def ordinary(self, kind: SeriesKind, rooms: Rooms) -> float:
        """What was said on days without anything, in rooms that held one of this kind."""
        return statistics.fmean(
            said
            for room in rooms
            if self.held(kind)[room]
            for on, said in self.by_day(room).items()
            if on not in self.any_held(room)
        )

    # People who may be invited

    def testers(self) -> int:
        """Members among the busiest fifth of 28 days who bought for less than the median buyer."""
        talk: dict[str, list[Said]] = defaultdict(list)
        loud: Counter[str] = Counter()
        for room in PLACES:
            for one in self.spoken(room, MONTH):
                talk[one.sender].append(one)
            loud.update(one.sender for one in self._effective(room, MONTH))
        spent = self.spent(90)
        busy = sorted(count for count in loud.values() if count)
        bar = busy[int(0.8 * len(busy))]
        buyers = sorted(sum(nets) for nets in spent.values() if nets)
        median = buyers[len(buyers) // 2]
        known = {person for _, person in self.told.listed}
        return sum(
            loud[who] >= bar
            and len({day(one) for one in said}) >= 8
            and who in known
            and sum(spent.get(who, [])) < median
            and len(spent.get(who, [])) <= 1
            for who, said in talk.items()
        )

    def spent(self, days: int) -> dict[str, list[int]]:
        """Nets of orders of the days before the week's end, by buyer."""
        end = dt.datetime.combine(UNTIL, dt.time(), ZONE)
        found: dict[str, list[int]] = defaultdict(list)
        for id, (at, who, net) in self.bought().items():
            if end - days * DAY <= at < end and net > 0 and not id.startswith("C"):
                found[who].append(net)
        return found

    def bought(self) -> dict[str, tuple[dt.datetime, str, int]]:
        """By order: when it was paid, by whom, and fen less refunds; 0 where cancelled."""
        found: dict[str, tuple[dt.datetime, str, int]] = {}
        for row in self.told.order_lines():
            fen = round(float(row["实付金额"]) * 100)
            at = dt.datetime.fromisoformat(row["支付时间"]).replace(tzinfo=ZONE)
            if row["状态"] == "已退款":
                first, who, net = found[row["订单号"]]
                found[row["订单号"]] = (first, who, net - fen)
            else:
                net = 0 if row["状态"] == "已取消" else fen
                found[row["订单号"]] = (at, row["买家ID"], net)
        return found

    def taken(self) -> dict[dt.date, int]:
        """Fen of earlier weeks since the first whole one, each as it stood as long after its end
        as this week does now; a week without a line is no week.
        """
        paid: dict[str, tuple[dt.datetime, int]] = {}
        back: dict[str, list[tuple[dt.datetime, int]]] = defaultdict(list)
        for row in self.told.order_lines():
            fen = round(float(row["实付金额"]) * 100)
            at = dt.datetime.fromisoformat(row["支付时间"]).replace(tzinfo=ZONE)
            if row["状态"] == "已退款":
                back[row["订单号"]].append((at, fen))
            else:
                paid[row["订单号"]] = (at, 0 if row["状态"] == "已取消" else fen)
        first, found = min(at for at, _ in paid.values()).date(), Counter[dt.date]()
        for id, (at, fen) in paid.items():
            room = self.labels[id][2]
            on = at.astimezone(PLACES[room].zone if room else ZONE).date()
            week = on - on.weekday() * DAY
            moment = NOW - (MONDAY - week)
            if first <= week < MONDAY and week >= MONDAY - 24 * WEEK:
                found[week] += fen - sum(lost for when, lost in back[id] if when < moment)
        return dict(sorted(found.items()))

    @cached_property
    def labels(self) -> dict[str, tuple[str, bool, str | None]]:
        """By order: (label, whether talk possibly led to it, the room that the label names). Nobody
        here answers or @-s a buyer, and nobody promotes: ATTRIBUTION §2 comes down to four labels.
        """
        homes = {person: room for room, person in self.told.listed}
        found: dict[str, tuple[str, bool, str | None]] = {}
        for id, (at, who, net) in self.bought().items():
            home = homes.get(who)
            if net <= 0:
                found[id] = ("out", False, None)
            elif home is None:
                found[id] = ("unknown", False, None)
            else:
                found[id] = self._led(home, who, at)
        return found

    def _led(self, room: str, who: str, at: dt.datetime) -> tuple[str, bool, str | None]:
        """What talk of others may have done for an order of somebody who was in one room."""
        said = [one for one in self.of_members[room] if at - 3 * DAY <= one.at < at]
        mine = [one.at for one in said if one.sender == who]
        naming = [one for one in said if "铁铁粉" in (one.text or "")]
        heard = [one.at for one in naming if one.sender != who and at - one.at <= DAY]
        asked = [one.at for one in naming if one.sender == who]
        if not heard or (asked and min(asked) < min(heard)):
            return "direct", False, None
        spoke = any(touch < own <= touch + DAY for touch in heard for own in mine)
        return ("organic", False, room) if spoke else ("direct", True, room)

    def again(self) -> tuple[int, int]:
        """(those who bought twice within 90 days, those whose first order is that old)."""
        by_buyer: dict[str, list[dt.datetime]] = defaultdict(list)
        for at, who, net in sorted(self.bought().values()):
            if net > 0:
                by_buyer[who].append(at)
        old = [orders for orders in by_buyer.values() if orders[0] + 90 * DAY <= NOW]
        return sum(
            any(later - first < 90 * DAY for first, later in [orders[:2]] if later)
            for orders in old
            if len(orders) > 1
        ), len(old)

    def fit_for_shares(self) -> tuple[int, int, int]:
        """Of 28 days' lines: all that count; those of known buyers a promotion's window before the
        log's end; and in how many rooms these buyers are.
        """
        start, end = (dt.datetime.combine(on, dt.time(), ZONE) for on in (MONTH, UNTIL))
        last = max(one.at for one in self.told.said)
        heard = {person: self._heard_until(room, last) for room, person in self.told.listed}
        paid = [
            (at, who) for at, who, net in self.bought().values() if start <= at < end and net > 0
        ]
        fit = [who for at, who in paid if who in heard and at + 2 * DAY <= heard[who]]
        return len(paid), len(fit), len({who[0] for who in fit})

    def _heard_until(self, room: str, last: dt.datetime) -> dt.datetime:
        """The log's end; for a room that fell silent three days before, its last day's begin."""
        ended = day(self.of_members[room][-1])
        if ended >= last.date() - 3 * DAY:
            return last
        return dt.datetime.combine(ended, dt.time(), dt.UTC)

    def late_events(self) -> int:
        """Rows of the file about lines paid in the week that came more than 72 hours after."""
        paid = self.bought()
        start, end = (dt.datetime.combine(on, dt.time(), ZONE) for on in (MONDAY, UNTIL))
        return sum(
            start <= (at := paid[row["订单号"]][0]) < end and NOW - at > dt.timedelta(hours=72)
            for row in self.told.order_lines()
        )


def day(one: Said) -> dt.date:
    """The room-local day of a message."""
    return one.at.astimezone(PLACES[one.room].zone).date()


def midnight(room: str, on: dt.date) -> dt.datetime:
    return dt.datetime.combine(on, dt.time(), PLACES[room].zone)


def within(room: str, at: dt.datetime | None) -> bool:
    return at is not None and midnight(room, MONDAY) <= at < midnight(room, UNTIL)


def bare(text: str | None) -> str:
    """Letters and digits alone, folded."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text or "").lower())


def alike(one: str, other: str) -> bool:
    """Whether two texts say the same: half of their 3-grams, or all where they are short."""
    if one == other:
        return True
    if min(len(one), len(other)) < 12:
        return False
    mine, theirs = ({text[n : n + 3] for n in range(len(text) - 2)} for text in (one, other))
    return 2 * len(mine & theirs) >= len(mine | theirs)


def risen(week: Counter[str], before: Counter[str]) -> dict[str, float]:
    """How sure each word of a week is to have risen: "Fightin' Words", equations 16 and 20–22, the
    prior being a tenth of all that was said, or 1,000 words where that is less.
    """
    words = sorted(week)
    now, then = (numpy.array([said[word] for word in words]) for said in (week, before))
    prior = min(1_000, (week.total() + before.total()) / 10)
    alpha = prior * (now + then) / (week.total() + before.total())
    odds = [
        (said + alpha) / (total + prior - said - alpha)
        for said, total in ((now, week.total()), (then, before.total()))
    ]
    spread = 1 / (now + alpha) + 1 / (then + alpha)
    scores = (numpy.log(odds[0]) - numpy.log(odds[1])) / numpy.sqrt(spread)
    return dict(zip(words, scores.tolist(), strict=True))


def quantile(waited: Sequence[tuple[float, bool]], share: float) -> float | None:
    """Kaplan–Meier from its definition, over distinct times, of (seconds, whether it ended then)."""
    left = 1.0
    for time in sorted({seconds for seconds, ended in waited if ended}):
        ends = sum(ended and seconds == time for seconds, ended in waited)
        left *= 1 - ends / sum(seconds >= time for seconds, _ in waited)
        if 1 - left >= share - 1e-9:
            return time
    return None


def predicted(earlier: Sequence[float], now: float) -> tuple[float, float, float, float]:
    """(low, usual, high, p): one more draw of a normal sample of logarithms."""
    logs = numpy.log1p(earlier)
    spread = logs.std(ddof=1) * math.sqrt(1 + 1 / len(logs))
    law = stats.t(len(logs) - 1, logs.mean(), spread)
    away = abs(math.log1p(now) - logs.mean()) / spread
    p = 2 * stats.t(len(logs) - 1).sf(away)
    low, usual, high = numpy.expm1([law.ppf(0.025), logs.mean(), law.ppf(0.975)])
    return max(float(low), 0.0), float(usual), float(high), float(p)


def gini(amounts: Sequence[int]) -> float:
    """Half of the mean distance between two holders, in means."""
    far = sum(abs(a - b) for a in amounts for b in amounts)
    return far / (2 * len(amounts) * sum(amounts))


def resampled(contrasts: numpy.ndarray, strata: Iterable[Sequence[int]]) -> tuple[float, float]:
    """The 95 % interval of the mean, rows and columns (within strata) drawn again."""
    chance = numpy.random.default_rng(1)
    groups = [numpy.array(stratum) for stratum in strata]
    means = []
    for _ in range(4_000):
        rows = chance.integers(0, len(contrasts), len(contrasts))
        columns = numpy.concatenate([chance.choice(group, len(group)) for group in groups])
        means.append(contrasts[rows][:, columns].mean())
    low, high = numpy.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def wilson(count: int, of: int) -> tuple[float, float]:
    """The interval of a share: where a score test would not refuse it."""
    found = stats.binomtest(count, of).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
