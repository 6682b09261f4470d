"""The numbers that a digest of one scope may show, each from the recount (`tests/recount.py`)."""

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy
from sqlalchemy import Engine, text

from bot import database, deriving
from bot.digest.sheet import Subject
from bot.gateway import Said
from bot.models import Complaint, DeliveryState, DigestScope, SeriesKind
from tests import recount
from tests.community import DAY, MONDAY, NOW, PLACES, QA, SHARING, UNTIL, WEEK, ZONE
from tests.proof import Known
from tests.recount import Recount, midnight

LABELS = {
    "organic": "群聊带来", "promo": "推广带来", "direct": "直接购买", "unknown": "买家未识别",
}  # fmt: skip
WEEKDAYS = "一二三四五六日"
MOMENT = database.table(Complaint).c.at.type
DAYS = {QA: "答疑", SHARING: "分享"}
SPECIAL = {QA: "问题解答日", SHARING: "用户分享日"}


class Builder:
    """Fills what is known of one scope, part by part, as the digest has them."""

    def __init__(self, counted: Recount, engine: Engine, subject: Subject) -> None:
        """`rooms` are those of the scope whose messages are known; `beside` counts the others."""
        self.counted, self.engine, self.subject = counted, engine, subject
        scope, target = subject
        self.fleet, self.own = scope is DigestScope.FLEET, scope is DigestScope.ROOM
        self.rooms = [
            place.id
            for place in PLACES.values()
            if target in {"", place.id, place.vertical, place.owner}
        ]
        self.beside = 2 if target in ("", "宝妈育儿") else 0
        self.known = Known()
        self.risen: list[str] = []
        self.gist: list[tuple[str, int]] = []

    def build(self) -> Known:
        for part in (
            self._frame, self._orders, self._messages, self._members, self._questions, self._lift,
            self._topics, self._complaints, self._changes, self._goals, self._health, self._actions,
            self._gist,
        ):  # fmt: skip
            part()
        return self.known

    def _frame(self) -> None:
        say, rooms = self.known.say, len(self.rooms) + self.beside
        say("全部 # 个群", rooms)
        say(f"{self.subject.target} · # 个群", rooms)
        say(f"{self.subject.target}的 # 个群", rooms)
        say("# 年第 # 周 · #月#日至#月#日", 2026, 45, 11, 2, 11, 8)
        say(
            "周末后 # 小时内迟到的回应、退款与订单还会改变数字 · #年#月#日 #:# 统计",
            *(72, 2026, 11, 9, 9, 30),
        )

    def _orders(self) -> None:
        known, whose = self.known, "" if self.fleet else "标签指向这里的"
        sold = self._sold()
        paid = [one for one in sold if one[0] != "out"]
        revenue = sum(net for _, net, _ in paid)
        known.figure("order_lines", len(paid), "#", len(paid))
        known.figure("revenue_fen", revenue, "#", revenue / 100)
        known.say(f"本周{whose}订单 # 行，收入 #。", len(paid), revenue / 100)
        if self.fleet:
            self._takings(len(paid), revenue)
        again, old = self.counted.again()
        low, high = recount.wilson(again, old)
        known.figure(
            "repurchase", again / old, "#%（#% 区间 #%–#% · # / # 位买家）",
            100 * again / old, 95, 100 * low, 100 * high, again, old,
        )  # fmt: skip
        known.bars["订单行，按标签"] = []
        told = []
        for label, name in LABELS.items():
            nets = [net for given, net, _ in paid if given == label]
            if nets:
                known.bars["订单行，按标签"] = [*known.bars["订单行，按标签"], len(nets)]
                part = (len(nets), 100 * len(nets) / len(paid), sum(nets) / 100)
                for form in (f"订单行，按标签| {name} # 行 · #% · #", f"{name} # 行 · #% · #"):
                    known.say(form, *part)
                told.append((f"{name} # 行 · #% · #", part))
        known.say("；".join(form for form, _ in told), *(n for _, part in told for n in part))
        known.say(
            "校正后的群聊占比没有给出：# 天里 # 行订单，认得出买家、前后都有记录的 # 行，"
            "买家在 # 个群；要 # 行、# 个群才估计。",
            *(28, *self.counted.fit_for_shares(), 2_000, 30),
        )
        possible = sum(possible for _, _, possible in paid)
        known.say("另有 # 行直接购买的买家当时在群里潜水，“可能有关”，不计入群聊带来。", possible)
        known.say("不计入：# 行（全额退款、取消或运营自购）。", len(sold) - len(paid))

    def _takings(self, lines: int, revenue: int) -> None:
        """Revenue beside earlier weeks: the band is that of messages, over money."""
        known, taken = self.known, self.counted.taken()
        low, _, high, _ = recount.predicted(list(taken.values()), revenue)
        said = (95, low / 100, high / 100, len(taken))
        for side in ("高于往常", "低于往常", "和往常差不多"):
            words = f"{side}（#% 区间 #–#，# 周）"
            known.say(words, *said)
            known.say(f"本周订单 # 行，收入 #，{words}。", lines, revenue / 100, *said)
        mondays = [
            min(taken) + n * WEEK for n in range((MONDAY - min(taken)).days // 7)
        ]  # fmt: skip
        title, told, numbers = "收入，近 # 周", [], []
        known.say(title, len(mondays) + 1)
        known.bars[title] = [
            *(taken[on] / 100 if on in taken else None for on in mondays), revenue / 100,
        ]  # fmt: skip
        known.bars[f"{title}: band"] = [low / 100, high / 100]
        for on, fen in [*((on, taken.get(on)) for on in mondays), (MONDAY, revenue)]:
            words = "未采集"
            number: list[float] = []
            if fen is not None:
                large = fen >= 1_000_000
                words, number = ("#万", [fen / 1e6]) if large else ("#", [fen / 100])
            known.say(f"{title}| #/# {words}", on.month, on.day, *number)
            told.append(f"#/# {words}")
            numbers += [on.month, on.day, *number]
        known.say("、".join(told), *numbers)
        known.say(
            "早先各周的退款和取消，也只算到周末后 # 小时，和本周一样；"
            "近 # 周的订单多是事后导入的，看不出那时通常还差多少。",
            *(9.5, sum(on in taken for on in mondays[-4:])),
        )
        known.say(
            "有 # 个早先的周一行订单也没有，当作未采集，不当作 #。", self._uncollected(taken), 0
        )

    def _uncollected(self, taken: Mapping[dt.date, int]) -> int:
        """Weeks since the first whole one with orders that have none."""
        first = min(at for at, _, _ in self.counted.bought().values()).astimezone(ZONE).date()
        weeks = [MONDAY - n * WEEK for n in range(1, 25)]
        return sum(week >= first and week not in taken for week in weeks)

    def _sold(self) -> list[tuple[str, int, bool]]:
        """(label, net in fen, possible) of the week's lines."""
        found = []
        for id, (at, _, net) in self.counted.bought().items():
            label, possible, room = self.counted.labels[id]
            zone = PLACES[room].zone if room else ZONE
            if MONDAY <= at.astimezone(zone).date() < UNTIL and (self.fleet or room in self.rooms):
                found.append((label, net, possible))
        return found

    def _messages(self) -> None:
        known, counted, rooms = self.known, self.counted, self.rooms
        said, days = len(counted.all_spoken(rooms)), 7 * len(rooms)
        effective = counted.effective(rooms)
        by_speaker = said / counted.speaker_days(rooms)
        by_member = said / counted.member_days(rooms)
        known.figure(
            "messages_per_room_day", said / days, "#（共 # 条 / # 群日）", said / days, said, days
        )
        known.figure("effective_per_room_day", effective / days, "#", effective / days)
        known.figure("messages_per_speaker_day", by_speaker, "#", by_speaker)
        known.figure("messages_per_member_day", by_member, "#", by_member)
        low, _, high, _ = counted.band(rooms)
        weeks = counted.earlier(rooms)
        for side in ("高于往常", "低于往常", "和往常差不多"):
            words = f"群日均 # 条，{side}（#% 区间 #–#，# 周，其中 # 周来自模拟）。"
            known.say(words, said / days, 95, low, high, len(weeks), 3)
            short = f"{side}（#% 区间 #–#，# 周，其中 # 周来自模拟）"
            known.say(short, 95, low, high, len(weeks), 3)
        known.say("区间里有 # 周是模拟的周汇总，日志查不到原消息。", 3)
        known.say("# 个群未采集或从未收到消息，没有算进任何平均。", self.beside)
        known.bars["群日均消息，近 # 周: band"] = [low, high]
        self._week()
        self._history(weeks, said / days)
        self._before(said / days)
        self._hours()

    def _week(self) -> None:
        rates, told = [], []
        for n, name in enumerate(WEEKDAYS):
            on = MONDAY + n * DAY
            said = [len(self.counted.spoken(room, on, on + DAY)) for room in self.rooms]
            rates.append(statistics.fmean(said))
            marks = [
                mark
                for kind, mark in DAYS.items()
                if any(on in self.counted.held(kind)[room] for room in self.rooms)
            ]
            label = "\n".join((f"周{name}", *marks))
            self.known.say(f"每群每天的消息| {label} #", rates[-1])
            told.append(f"周{name} #")
        self.known.bars["每群每天的消息"] = rates
        self.known.say("、".join(told), *rates)

    def _history(self, weeks: dict[dt.date, float], now: float) -> None:
        title, every = "群日均消息，近 # 周", {**weeks, MONDAY: now}
        self.known.say(title, len(every))
        self.known.bars[title] = list(every.values())
        for monday, rate in every.items():
            self.known.say(f"{title}| #/# #", monday.month, monday.day, rate)
        first = next(iter(weeks))
        self.known.say("从 #/# 的 # 到本周的 #", first.month, first.day, weeks[first], now)

    def _before(self, now: float) -> None:
        """The weeks that ended before a room's first special day, over all rooms that had one."""
        held = [room for room in self.rooms if self.counted.any_held(room)]
        if held:
            rate = statistics.fmean(
                rate for room in held for rate in self.counted.earlier([room]).values()
            )
            words = "# → #（前后对比，不等于因果；开办前是模拟数据）"
            self.known.figure("before_per_room_day", rate, words, rate, now)

    def _hours(self) -> None:
        local = [
            one.at.astimezone(PLACES[one.room].zone) for one in self.counted.all_spoken(self.rooms)
        ]
        hours = Counter((at.weekday(), at.hour) for at in local)
        every = [hours[weekday, hour] for weekday in range(7) for hour in range(24)]
        self.known.bars["几点在聊"] = every
        weekday, hour = divmod(every.index(max(every)), 24)
        self.known.say(f"最热闹的是周{WEEKDAYS[weekday]} # 时，# 条", hour, max(every))

    def _members(self) -> None:
        known, counted, rooms = self.known, self.counted, self.rooms
        speakers, members = (
            len(counted.speech(rooms)),
            sum(len(counted.members(room)) for room in rooms),
        )
        part = speakers / members
        words = "# 个成员席位里，# 个本周说过话（#%）。"
        known.say(words, members, speakers, 100 * part)
        known.figure("participation", part, "#%（# / # 席位）", 100 * part, speakers, members)
        wau = len({one.sender for one in counted.all_spoken(rooms)})
        known.figure("wau", wau, "# 人（日活均值 #）", wau, counted.speaker_days(rooms) / 7)
        spoke, there = counted.month(rooms)
        silent = 1 - spoke / there
        known.figure("silent_ratio", silent, "#%（# 席位）", 100 * silent, there)
        new = counted.newcomers(rooms)
        opened = sum(new) / len(new)
        known.figure("activation", opened, "#%（# / # 人）", 100 * opened, sum(new), len(new))
        for key, moved in zip(("joins", "leaves"), counted.moves(rooms), strict=True):
            known.figure(key, moved, "#", moved)
        speech = counted.speech(rooms)
        top = sum(speech[: -(-len(speech) // 10)]) / sum(speech)
        known.figure("top_share", top, "#%（基尼系数 #）", 100 * top, recount.gini(speech))

    def _questions(self) -> None:
        known, counted = self.known, self.counted
        asked = counted.asked(self.rooms)
        open_ones = [one for one in asked if not counted.replies(one)]
        old = [one for one in asked if one.at + DAY <= midnight(one.room, UNTIL)]
        some = 0 < len(open_ones) < len(asked)
        every = ("都" if len(asked) > 1 else "") + ("没有人回应。" if open_ones else "有人回应了。")
        words = f"成员提了 # 个问题，{'还有 # 个没有人回应。' if some else every}"
        known.say(words, len(asked), *([len(open_ones)] if some else []))
        known.figure("unanswered", len(open_ones), "#", len(open_ones))
        known.figure("questions", len(asked), "#", len(asked))
        by_anyone = sum(bool(counted.replies(one)) for one in old)
        by_members = sum(
            any(reply.sender != "operator" for reply in counted.replies(one)) for one in old
        )
        for key, count, words in (
            ("response_rate", by_anyone, "#%（含运营 · # / # 问）"),
            ("member_response_rate", by_members, "#%（# / # 问）"),
        ):
            known.figure(key, count / len(old), words, 100 * count / len(old), count, len(old))
        median, p90 = (counted.quantile(self.rooms, share) for share in (0.5, 0.9))
        half, halves = spelt(median, "过半没等到", "{}")
        nine, nines = spelt(p90, "等到回应的不足九成", "九成在 {}内")
        known.figure("median_wait", median, f"{half}（{nine}）", *halves, *nines)
        known.say("# 个提问还没满 # 小时，没有算进回应率。", len(asked) - len(old), 24)
        # The latest midnight of the scope's fleet is that of Paris.
        known.say("回应算到#月#日 #:#。", 11, 9, 7, 0)
        for one in asked:
            answerers = {reply.sender for reply in counted.replies(one)}
            known.say("回应最多的提问| # 人回应", len(answerers))
            at = one.at.astimezone(PLACES[one.room].zone)
            known.say(f"等着回应的提问| 周{WEEKDAYS[at.weekday()]} #:#", at.hour, at.minute)

    def _lift(self) -> None:
        for kind, name in SPECIAL.items():
            held = [room for room in self.rooms if self.counted.held(kind)[room]]
            if not held:
                continue
            risen = self.counted.contrasts(kind, held)
            added, usual = float(risen.mean()), self.counted.ordinary(kind, held)
            times = sum(len(self.counted.held(kind)[room]) for room in held)
            key, plain = f"lift_{kind}", "# 群 # 次，平日 # 条"
            if self.own:
                words = "只有一个群，偶然成分大；# 次，平日 # 条；区间见全体周报"
                self.known.figure(key, added, f"# 条（{words}）", added, times, usual)
                short = f"{name}，本群每次多出 # 条（只有一个群，偶然成分大）"
                self.known.say(short, added)
                continue
            if min(risen.shape) < 5:
                words = f"# 条（群太少，不给区间；{plain}）"
                self.known.figure(key, added, words, added, len(held), times, usual)
                self.known.say(f"{name}，每群每次多出 # 条（群太少，不给区间）", added)
                continue
            self._interval(kind, risen, (len(held), times, usual))

    def _interval(self, kind: SeriesKind, risen: numpy.ndarray, rest: Sequence[float]) -> None:
        """The interval comes from chance: it is held to a tenth of its width."""
        beside = [room for room in PLACES if MONDAY + 2 * DAY not in self.counted.any_held(room)]
        alone = [n for n, room in enumerate(beside) if self.counted.any_held(room)]
        others = [n for n in range(len(beside)) if n not in alone]
        low, high = recount.resampled(risen, [each for each in (alone, others) if each])
        added, about = float(risen.mean()), 0.1 * (high - low)
        plain, key = "# 群 # 次，平日 # 条", f"lift_{kind}"
        for end, nought in (("", ()), ("，含 #，不能说有作用", (0,))):
            words = f"# 条（#% 区间 # 到 #{end}；{plain}）"
            self.known.figure(key, added, words, added, 95, low, high, *nought, *rest)
            self.known.about[f"{key}: {words}"] = about
            short = f"{SPECIAL[kind]}，每群每次多出 # 条（#% 区间 # 到 #{end}）"
            self.known.say(short, added, 95, low, high, *nought, about=about)

    def _topics(self) -> None:
        known, said = self.known, self.counted.all_spoken(self.rooms)
        shares = [one for one in said if (one.text or "").startswith("分享")]
        known.figure("shares", len(shares), "#", len(shares))
        named = [one for one in said if "铁铁粉" in (one.text or "")]
        people = {(one.room, one.sender) for one in named}
        known.say("提到最多的商品| 高铁米粉 | # | #", len(named), len(people))
        known.say("提到最多：高铁米粉 # 次", len(named))
        known.say("成员的原话只出现在各群自己的周报里，这里只有计数；不足 # 人的不列。", 5)
        self._words()

    def _words(self) -> None:
        """Words are cut as the rules cut them, and counted here; by the days of Shanghai."""
        with database.reading(self.engine) as session:
            cut = deriving.load_rules(session, ZONE).segmenter.keywords
        start, end = (dt.datetime.combine(on, dt.time(), ZONE) for on in (MONDAY, UNTIL))
        week: Counter[str] = Counter()
        before: Counter[str] = Counter()
        people: dict[str, set[str]] = {}
        for room in self.rooms:
            for one in self.counted.of_members[room]:
                if one.type != "text" or not one.text or one.at >= end:
                    continue
                words = set(cut(one.text)) if one.at >= start - 4 * WEEK else set()
                (week if one.at >= start else before).update(words)
                if one.at >= start:
                    for word in words:
                        people.setdefault(word, set()).add(one.sender)
        sure = recount.risen(week, before)
        ranked = sorted(
            (
                word
                for word in week
                if len(word) > 1 and len(people[word]) >= 3 and sure[word] >= 1.96
            ),
            key=lambda word: (-sure[word], word),
        )
        # Owners have no topics of their own; what few say stays in its room.
        if self.subject.scope is not DigestScope.OWNER:
            self.risen = [
                word
                for word in ranked[: 5 if self.own else 20]
                if self.own or len(people[word]) >= 5
            ]
        usual = week.total() / before.total()
        for word in self.risen[:8]:
            counts = (week[word], len(people[word]), before[word] * usual)
            self.known.say(f"涨得快的词| {word} | # | # | #", *counts)
        if self.risen:
            form = "、".join(f"{word}（# 人）" for word in self.risen[:4])
            self.known.say(f"涨得快的词：{form}", *(len(people[word]) for word in self.risen[:4]))

    def _complaints(self) -> None:
        known = self.known
        heard = [
            one
            for one in self.counted.told.grievances
            if one.room in self.rooms
            and recount.within(one.room, one.at)
            and one.id not in self.counted.told.recalled
        ]
        known.figure("complaints", len(heard), "#", len(heard))
        query = text(
            "SELECT room.platform_id, c.at, c.due_at, c.claimed_at, c.outcome, c.closed_at"
            " FROM complaint c JOIN room ON room.id = c.room_id"
        ).columns(at=MOMENT, due_at=MOMENT, claimed_at=MOMENT, closed_at=MOMENT)
        with database.reading(self.engine) as session:
            rows = session.connection().execute(query).all()
        opened = [row for row in rows if row[0] in self.rooms and recount.within(row[0], row.at)]
        prompt = sum(
            (taken := row.claimed_at or row.closed_at) is not None and taken - row.at <= DAY
            for row in opened
        )
        late = sum(row.closed_at is None and row.due_at < NOW for row in opened)
        wrong = sum(
            str(row.outcome).lower() == "none" and row.closed_at is not None for row in opened
        )
        self.gist += [("# 起投诉超时", late), ("# 条投诉", len(heard))]
        known.say(
            "规则听不出一半以上的投诉（标注的真话里听出 #%，#% 区间 #%–#%）：没听出不等于没有。",
            *(44, 95, 32, 58),
        )
        part = prompt / len(opened) if opened else 0
        known.figure("complaints_prompt", part, "#%（# / # 起）", 100 * part, prompt, len(opened))
        known.figure("complaints_overdue", late, "#", late)
        known.figure("complaints_wrong", wrong, "#（处理的人说的）", wrong)
        closed = sum(row.closed_at is not None for row in opened)
        told = "立案 # 起，# 起已了结"
        known.say(f"{told}，# 起超过 # 小时还开着。", len(opened), closed, late, 24)
        known.say(f"{told}，# 起还开着。", len(opened), closed, len(opened) - closed)
        known.say(f"{told}。", len(opened), closed)
        known.say("做 先了结超时的投诉：# 起投诉过了 # 小时还没了结。", late, 24)

    def _changes(self) -> None:
        known, counted = self.known, self.counted
        called, outside = counted.changed(self.rooms)
        expected = round(0.05 * len(self.rooms))
        known.say(
            "# 个群各与自己的早先各周相比，# 个在 #% 区间外（一切照旧也会有约 # 个）；"
            "一起比较后仍算变化的 # 个。",
            *(len(self.rooms), outside, 95, expected, len(called)),
        )
        if not self.own:
            self.gist.insert(0, ("# 群变冷", sum(side < 0 for side in called.values())))
        bands = {room: counted.band([room]) for room in called}
        for side, title, short in (
            (-1, "先去看看（低于往常）", "先去看看"),
            (1, "可以学学（高于往常）", "可以学学"),
        ):
            rooms = sorted(
                (room for room in called if called[room] == side),
                key=lambda room: (bands[room][3], list(PLACES).index(room)),
            )
            self._called(rooms, bands, title, short)

    def _called(
        self,
        rooms: Sequence[str],
        bands: Mapping[str, tuple[float, float, float, float]],
        title: str,
        short: str,
    ) -> None:
        """Rooms on one side of their bands, the surest first: eight in the table, three in short."""
        known, counted = self.known, self.counted
        if len(rooms) > 8:
            title += "，共 # 个"
            known.say(title, len(rooms))
        for room in rooms[:8]:
            low, usual, high, _ = bands[room]
            now, topic = counted.rate([room]), PLACES[room].topic
            open_ones = sum(not counted.replies(one) for one in counted.asked([room]))
            known.say(f"{title}| {topic} | # | # | #–# | #", now, usual, low, high, open_ones)
            words = f"做 去{topic}看看：群日均 #，往常 #；还有 # 个提问没人回应。"
            known.say(words, now, usual, open_ones)
            known.say(f"做 问问{topic}做对了什么：群日均 #，往常 #。", now, usual)
        told = "、".join(f"{PLACES[room].topic}（#，往常 #）" for room in rooms[:3])
        pairs = [(counted.rate([room]), bands[room][1]) for room in rooms[:3]]
        more = [len(rooms)] if len(rooms) > 3 else []
        words = f"{short}：{told}{' 等 # 个' if more else ''}"
        known.say(words, *(number for pair in pairs for number in pair), *more)

    def _gist(self) -> None:
        """The week in a few words, each with its number, as far as it is not nought."""
        counted, rooms = self.counted, self.rooms
        low, _, high, _ = counted.band(rooms)
        rate = counted.rate(rooms)
        side = "高于往常" if rate > high else "低于往常" if rate < low else "和往常差不多"
        parts = [(words, number) for words, number in self.gist if number]
        # Cases that are late stand for everything that was heard.
        late = any("起投诉超时" in words for words, _ in parts)
        parts = [part for part in parts if not (late and "条投诉" in part[0])]
        form = " · ".join((f"要点 消息{side}", *(words for words, _ in parts)))
        self.known.say(form, *(number for _, number in parts))

    def _goals(self) -> None:
        """Ten days before the week began, until the last day of the year."""
        known, figures = self.known, self.known.figures
        passed = 100 * 16 / ((dt.date(2026, 12, 31) - (MONDAY - 10 * DAY)).days + 1)
        rate, answered = figures["messages_per_room_day"], figures["response_rate"]
        assert rate is not None
        assert answered is not None
        reached = rate >= 8 if self.fleet else answered >= 0.5
        known.say("# 个目标，本周的数达到 # 个。", 1, reached)
        way = 100 * (rate - 3.0) / (8 - 3.0)
        known.say("群日均消息 ≥ #：本周 #，路走了 #%，时间过了 #%", 8, rate, way, passed)
        known.say("群日均消息 ≥ #：本周 #，达到了", 8, rate)
        known.say(
            "目标与进度| 群日均消息 | ≥ # | # | # | #% | #% | #月#日",
            8,
            rate,
            3,
            way,
            passed,
            12,
            31,
        )
        known.say(
            "目标与进度| 群日均消息 | ≥ # | # | # | 达到 | #% | #月#日", 8, rate, 3, passed, 12, 31
        )
        percent, off = 100 * answered, 100 * (answered - 0.9) / (0.5 - 0.9)
        known.say("# 小时回应率 ≥ #%：本周 #%，达到了", 24, 50, percent)
        known.say(
            "# 小时回应率 ≥ #%：本周 #%，路走了 #%，时间过了 #%", 24, 50, percent, off, passed
        )
        known.say(
            "目标与进度| # 小时回应率 | ≥ #% | #% | #% | 达到 | #% | #月#日",
            *(24, 50, percent, 90, passed, 12, 31),
        )
        known.say(
            "目标与进度| # 小时回应率 | ≥ #% | #% | #% | #% | #% | #月#日",
            *(24, 50, percent, 90, off, passed, 12, 31),
        )

    def _health(self) -> None:
        known = self.known
        posts = [post for post in self.counted.told.posts if post.room in self.rooms]
        failed = [post for post in posts if post.state is not DeliveryState.SENT]
        sent = len(posts) - len(failed)
        known.figure(
            "deliveries_unsent", len(failed), "#（应发 #，已发 #）", len(failed), len(posts), sent
        )
        for reason, count in Counter(post.reason for post in failed).items():
            known.say(f"没有发出的，按状态和原因| 失败 | {reason} | #", count)
        sold = self._sold()
        unknown = sum(label == "unknown" for label, _, _ in sold)
        late = self.counted.late_events()
        known.figure("unresolved_buyers", unknown, "#（共 # 行）", unknown, len(sold))
        known.figure("late_order_events", late, "#", late)
        unread = unseen = self.beside // 2
        all_rooms = len(self.rooms) + self.beside
        known.figure("rooms_unread", unread, "#（共 # 个群）", unread, all_rooms)
        known.figure("rooms_unseen", unseen, "#", unseen)
        parts = [
            (name, count)
            for name, count in (
                ("没有发出 # 条", len(failed)),
                ("买家未识别 # 行", unknown if self.fleet else 0),
                ("订单迟到 # 条", late if self.fleet else 0),
                ("未采集 # 群", unread),
                ("从没收到消息 # 群", unseen),
            )
            if count
        ]
        known.say(" · ".join(name for name, _ in parts), *(count for _, count in parts))

    def _actions(self) -> None:
        known, counted = self.known, self.counted
        open_ones = Counter(
            one.room for one in counted.asked(self.rooms) if not counted.replies(one)
        )
        most = ""
        if not self.own:
            room, count = min(open_ones.items(), key=lambda row: (-row[1], row[0]))
            most = f"，{PLACES[room].topic}占 # 个"
        # Of the words that rose the one that stands in most of the questions behind it.
        busiest = sorted(open_ones, key=lambda room: (-open_ones[room], room))[:8]
        texts = [one.text for room in busiest for one in self._open_ones(room)[:16]]
        naming = {word: sum(word in (said or "") for said in texts) for word in self.risen}
        asked = max(naming, key=lambda word: naming[word], default="")
        topic = f"讲“{asked}”" if naming.get(asked) else "先答没人回的提问"
        numbers = [open_ones.total(), *([count] if most else [])]
        words = f"做 下次问题解答日{topic}："
        if naming.get(asked):
            words += f"没人回的提问里至少 # 个问到它；共 # 个没人回应{most}。"
            known.say(words, naming[asked], *numbers)
        else:
            known.say(f"{words}本周 # 个提问没人回应{most}。", *numbers)
        self.gist.append(("# 问没人回", open_ones.total()))
        testers = counted.testers()
        words = "做 邀请几位体验官：# 位成员在群里很活跃、# 天消费低于买家的中位数。"
        known.say(words, testers, 90)

    def _open_ones(self, room: str) -> list[Said]:
        counted = self.counted
        return [one for one in counted.asked([room]) if not counted.replies(one)]


def spelt(seconds: float | None, unknown: str, known: str) -> tuple[str, list[float]]:
    """A stretch of time as people read it, with # for its number, and the number."""
    if seconds is None:
        return unknown, []
    for most, unit, name in ((90, 1, "秒"), (5_400, 60, "分钟"), (172_800, 3_600, "小时")):
        if seconds < most:
            return known.format(f"# {name}"), [seconds / unit]
    return known.format("# 天"), [seconds / 86_400]
