"""What members asked and shared, what rose, and the products that they named."""

from collections.abc import Iterator, Sequence

from bot.digest import phrasing
from bot.digest.quoting import quotable
from bot.digest.sections import quoted
from bot.digest.sheet import Figure, Line, Quote, Quotes, Section, Table
from bot.digest.view import View
from bot.insights import topics
from bot.insights.topics import Rising
from bot.models import DigestScope

MOST_ASKED, MOST_SHARED, MOST_PRODUCTS, MOST_WORDS, MOST_RISING = 5, 4, 8, 8, 5
# A share has to say something before it is worth repeating.
SHORTEST_SHARE = 12


def section(view: View) -> Section | None:
    """What was asked, shared and named; words of members in their room's own digest alone."""
    if not view.counted:
        return None
    tables = (*_rising(view), *_products(view))
    questions, shares = view.figures.questions, view.figures.shares
    own = view.scope is DigestScope.ROOM
    told = "成员的原话只出现在各群自己的周报里，这里只有计数；不足 5 人的不列。"
    outside = Line(told, (view.note("asked"),))
    return Section(
        "said",
        "大家在问、在分享",
        brief=_brief(view),
        figures=(
            Figure("questions", "提问", phrasing.count(questions), questions, view.note("asked")),
            Figure("shares", "分享", phrasing.count(shares), shares, view.note("asked")),
        ),
        tables=tables,
        quotes=(*_asked(view), *_shared(view), *_rising_questions(view)),
        remarks=() if own else (outside,),
    )


def rising_words(view: View) -> list[Rising]:
    """The words that rose in the scope, the most telling first, as far as they may be shown."""
    found = view.week.topics.get((view.scope, view.target))
    words = found.words if found else ()
    return [word for word in words if word.text and topics.may_be_shown(view.scope, word.members)]


def _brief(view: View) -> tuple[Line, ...]:
    lines = []
    words = rising_words(view)
    if words:
        rose = "、".join(f"{word.text}（{word.members} 人）" for word in words[:4])
        lines.append(Line(f"涨得快的词：{rose}", (view.note("topics"),)))
    named = _sums(view)
    if named:
        told = "、".join(f"{name} {messages:,} 次" for name, messages, _ in named[:3])
        lines.append(Line(f"提到最多：{told}", (view.note("products"),)))
    return tuple(lines)


def _asked(view: View) -> tuple[Quotes, ...]:
    questions = [one for said in view.said.values() for one in said.questions if one.answers]
    questions.sort(key=lambda one: (-one.answerers, one.at, one.message_id))
    return quoted.listed(view, "回应最多的提问", questions, MOST_ASKED, "asked")


def _shared(view: View) -> tuple[Quotes, ...]:
    """The fullest shares: how much somebody took the time to write."""
    found = [
        (text, quoted.name(words.name), len(words.text))
        for said in view.said.values()
        for message in said.shares
        if (words := said.words.get(message))
        and len(text := quotable(words.text)) >= SHORTEST_SHARE
    ]
    found.sort(key=lambda row: -row[2])
    quotes = (Quote(text, name) for text, name, _ in found)
    return quoted.under(view, "写得最细的分享", quotes, MOST_SHARED, "asked")


def _rising_questions(view: View) -> tuple[Quotes, ...]:
    if view.scope is not DigestScope.ROOM:
        return ()
    found = view.week.topics.get((view.scope, view.target))
    quotes = (
        Quote(text, f"{one.members} 人问过，{one.count} 次")
        for one in (found.questions if found else ())
        if (text := quotable(one.text or ""))
    )
    return quoted.under(view, "越来越多人问", quotes, MOST_RISING, "topics")


def _rising(view: View) -> Iterator[Table]:
    words = rising_words(view)[:MOST_WORDS]
    if words:
        rows = tuple(
            (word.text or "", f"{word.count:,}", f"{word.members:,}", phrasing.rate(word.before))
            for word in words
        )
        columns = ("词", "本周", "人数", "往常一周")
        yield Table("涨得快的词", columns, rows, view.note("topics"))


def _products(view: View) -> Iterator[Table]:
    rows = tuple(
        (name, f"{messages:,}", f"{members:,}")
        for name, messages, members in _sums(view)[:MOST_PRODUCTS]
    )
    if rows:
        yield Table("提到最多的商品", ("商品", "消息", "人次"), rows, view.note("products"))


def _sums(view: View) -> Sequence[tuple[str, int, int]]:
    """(product, messages, seats) of what was named, the most named first."""
    sums: dict[str, tuple[int, int]] = {}
    for room in view.counted:
        for named in view.week.named.get(room, ()):
            messages, members = sums.get(named.product, (0, 0))
            sums[named.product] = messages + named.messages, members + named.members
    found = [
        (name, messages, members)
        for name, (messages, members) in sums.items()
        if topics.may_be_shown(view.scope, members)
    ]
    return sorted(found, key=lambda row: (-row[1], row[0]))
