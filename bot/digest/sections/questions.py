"""Questions, what became of them, and what members asked and shared."""

from collections.abc import Iterable, Sequence

from bot.digest import phrasing
from bot.digest.quoting import quotable
from bot.digest.sheet import Figure, Line, Quote, Quotes, Section, Table
from bot.digest.view import View
from bot.insights import responses
from bot.insights.responses import Question, Responses
from bot.models import DigestScope

MOST_UNANSWERED, MOST_ASKED, MOST_SHARED, MOST_PRODUCTS = 8, 5, 4, 8
# A share has to say something before it is worth repeating.
SHORTEST_SHARE = 12


def section(view: View) -> Section | None:
    """Both response rates, the waiting time, and the questions still open."""
    if not view.counted:
        return None
    asked = [question for room in view.counted for question in view.week.questions.get(room, ())]
    if not asked:
        return Section("questions", "提问与回应", Line("本周没有识别出成员的提问。"))
    found = responses.responses(asked, view.week.horizon)
    open_now = len(found.unanswered)
    lead = f"成员提了 {found.questions:,} 个问题，" + (
        f"还有 {open_now:,} 个没有人回应。" if open_now else "都有人回应了。"
    )
    young = Line(
        f"{found.young:,} 个提问还没满 24 小时，没有算进回应率。", (view.note("response"),)
    )
    return Section(
        "questions",
        "提问与回应",
        Line(lead, (view.note("unanswered"),)),
        figures=_figures(view, found),
        quotes=_unanswered(view, found),
        remarks=(young,) if found.young else (),
    )


def said(view: View) -> Section | None:
    """What members asked and shared, in their words where these may stand, and products named."""
    if not view.counted:
        return None
    quotes = (*_asked(view), *_shared(view)) if view.scope is DigestScope.ROOM else ()
    tables = _products(view)
    shares = sum(len(view.week.shares.get(room, ())) for room in view.counted)
    questions = sum(len(view.week.questions.get(room, ())) for room in view.counted)
    figures = (
        Figure("questions", "提问", phrasing.count(questions), questions, view.note("asked")),
        Figure("shares", "分享", phrasing.count(shares), shares, view.note("asked")),
    )
    counted = (Line("成员的原话只出现在各群自己的周报里，这里只有计数。"),)
    return Section(
        "said",
        "大家在问、在分享",
        brief=_brief(view, tables),
        figures=figures,
        tables=tables,
        quotes=quotes,
        remarks=() if view.scope is DigestScope.ROOM else counted,
    )


def _brief(view: View, tables: Sequence[Table]) -> tuple[Line, ...]:
    if not tables:
        return ()
    named = "、".join(f"{name} {messages} 次" for name, messages, _ in tables[0].rows[:4])
    return (Line(f"提到最多的商品：{named}", (view.note("products"),)),)


def _figures(view: View, found: Responses) -> tuple[Figure, ...]:
    anyone, members = found.by_anyone, found.by_members
    p90 = f"九成在 {phrasing.duration(found.p90)}内" if found.p90 is not None else "九成还没等到"
    return (
        Figure(
            "response_rate",
            "24 小时回应率",
            phrasing.percent(anyone.share),
            anyone.share,
            view.note("response"),
            f"含运营 · {anyone.answered:,} / {anyone.asked:,} 问",
        ),
        Figure(
            "member_response_rate",
            "成员互答率",
            phrasing.percent(members.share),
            members.share,
            view.note("response"),
            f"{members.answered:,} / {members.asked:,} 问",
        ),
        Figure(
            "median_wait",
            "首次回应中位用时",
            "过半没等到" if found.median is None else phrasing.duration(found.median),
            found.median,
            view.note("wait"),
            p90,
        ),
        Figure(
            "unanswered",
            "还没人回应",
            phrasing.count(len(found.unanswered)),
            len(found.unanswered),
            view.note("unanswered"),
        ),
    )


def _unanswered(view: View, found: Responses) -> tuple[Quotes, ...]:
    if view.scope is not DigestScope.ROOM:
        return ()
    quotes = _distinct(_question(view, question) for question in found.unanswered)
    return _listed(view, "等着回应的提问", quotes[:MOST_UNANSWERED], "unanswered")


def _asked(view: View) -> tuple[Quotes, ...]:
    asked = [question for room in view.counted for question in view.week.questions.get(room, ())]
    answered = [question for question in asked if question.answers]
    answered.sort(key=lambda question: (-_answerers(question), question.at, question.message_id))
    quotes = _distinct(_question(view, question) for question in answered)
    return _listed(view, "回应最多的提问", quotes[:MOST_ASKED], "asked")


def _answerers(question: Question) -> int:
    return len({answer.contact_id for answer in question.answers})


def _question(view: View, question: Question) -> Quote | None:
    words = view.week.words.get(question.message_id)
    text = quotable(words.text) if words else ""
    if not words or not text:
        return None
    zone = view.week.rooms[question.room_id].zone
    by = f"{_name(words.name)} · {phrasing.moment(question.at.astimezone(zone))}"
    answer = view.week.words.get(question.answers[0].message_id) if question.answers else None
    if question.answers:
        by += f" · {_answerers(question)} 人回应"
    reply = quotable(answer.text) if answer else ""
    return Quote(text, by, f"{_name(answer.name)}：{reply}" if answer and reply else "")


def _shared(view: View) -> tuple[Quotes, ...]:
    """The fullest shares: how much somebody took the time to write."""
    texts = [
        (quotable(words.text), _name(words.name), len(words.text))
        for room in view.counted
        for message, _ in view.week.shares.get(room, ())
        if (words := view.week.words.get(message))
    ]
    full = sorted((row for row in texts if len(row[0]) >= SHORTEST_SHARE), key=lambda row: -row[2])
    quotes = _distinct(Quote(text, name) for text, name, _ in full)[:MOST_SHARED]
    return _listed(view, "写得最细的分享", quotes, "asked")


def _listed(view: View, title: str, quotes: Sequence[Quote], note: str) -> tuple[Quotes, ...]:
    return (Quotes(title, tuple(quotes), view.note(note)),) if quotes else ()


def _distinct(quotes: Iterable[Quote | None]) -> list[Quote]:
    """The quotes there are; the same words asked again add nothing to a list."""
    found: dict[str, Quote] = {}
    for quote in quotes:
        if quote is not None:
            found.setdefault(quote.text, quote)
    return list(found.values())


def _name(name: str) -> str:
    return quotable(name, 16) or "一位成员"


def _products(view: View) -> tuple[Table, ...]:
    sums: dict[str, tuple[int, int]] = {}
    for room in view.counted:
        for named in view.week.named.get(room, ()):
            messages, members = sums.get(named.product, (0, 0))
            sums[named.product] = messages + named.messages, members + named.members
    if not sums:
        return ()
    top = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))[:MOST_PRODUCTS]
    rows = tuple((name, f"{messages:,}", f"{members:,}") for name, (messages, members) in top)
    return (Table("提到最多的商品", ("商品", "消息", "人次"), rows, view.note("products")),)
