"""A world whose members say things in words: what they name goes through the real understanding.

How often a product is called by a name that the shop listed, by one that it did not, or by none at
all, is a judgement of ours, written before anything was run; nobody counted it in a real community.
"""

from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.random import Generator
from sqlalchemy import insert, select
from sqlmodel import Session

from bot import database, deriving, ingest
from bot.bench.worlds import stored
from bot.bench.worlds.catalogue import DAY, WORLDS
from bot.bench.worlds.recorded import Perceived
from bot.bench.worlds.tables import NOBODY, Flags, Kind, Story
from bot.gateway import Said
from bot.insights import recall
from bot.insights.estimates import Estimate
from bot.memory import Memory
from bot.models import Mention, MessageIdentity, ProductAlias

WORLD = replace(WORLDS["ordinary-80"], name="text")
ZONE = ZoneInfo("UTC")
BATCH = 2_000
# What members call the products. The shop lists the first two of each; the third it never heard of.
CALLED = (
    ("小熊纸尿裤", "小熊尿裤", "熊裤"), ("优蓓奶粉", "优蓓三段", "优宝粉"),
    ("米多辅食泥", "米多果泥", "米米泥"), ("暖芽保温杯", "暖芽杯", "那个芽芽"),
    ("清朵防晒霜", "清朵防晒", "小绿管"), ("润屿面霜", "润屿霜", "屿霜霜"),
    ("森朗洗面奶", "森朗洁面", "郎郎"), ("白鹭眼霜", "白鹭眼部精华", "小鸟霜"),
    ("橙果维C片", "橙果维生素", "小橙片"), ("谷仓燕麦", "谷仓麦片", "粮仓脆"),
    ("星禾面膜", "星禾补水面膜", "星星膜"), ("木棉抽纸", "木棉纸巾", "棉棉纸"),
    ("云织西装裤", "云织裤", "显瘦裤"), ("蓝鲸牙刷", "蓝鲸电动牙刷", "鲸刷"),
    ("知夏凉席", "知夏席子", "夏席"), ("麦豆积木", "麦豆拼搭", "豆豆块"),
    ("海盐洗发水", "海盐洗发露", "盐洗"), ("拾光台灯", "拾光护眼灯", "光光灯"),
    ("青柚茶包", "青柚冷泡茶", "柚子包"), ("禾木砂锅", "禾木炖锅", "木木锅"),
)  # fmt: skip
# By which name, and none at all: the parts of those who say it first, and of those who answer.
SPOKEN, ANSWERED = (0.62, 0.24, 0.09, 0.05), (0.35, 0.15, 0.08, 0.42)
NAMELESS = "这个"
SAYINGS = {
    Kind.TALK: (
        "{}用了一周,感觉不错",
        "我家一直买{}",
        "{}和别的比怎么样我说说",
        "今天又开了一盒{}~",
    ),
    Kind.REPLY: ("{}确实好", "我也在用{}", "{}我觉得一般", "同意,{}可以的"),
    Kind.ASK: ("{}好用吗?", "有人买过{}吗", "求问{}怎么样", "{}值得买吗"),
    Kind.SHOW: ("{}到啦,开箱", "收到{}了,晒一下", "新买的{}!"),
    Kind.PROMPTED: ("我选{}", "推荐{},用了半年", "{}啊,回购三次了"),
    Kind.ECHO: ("{}这个价可以", "{}我下单了", "冲{}"),
    Kind.EVENT: ("昨晚看到讲{}的", "听说{}了吗"),
    Kind.DISGUISED: ("{}今天划算,姐妹们看看", "刚拿到{}的优惠"),
}
# As many words that name nothing; some hold a name that is none.
CHATTER = ("好的", "收到", "哈哈哈", "早上好呀", "孩子今天发烧了", "周末去哪玩", "快递到了没")
LOOKS_LIKE = "隔壁群也有人叫{}这个网名"
LIKENESS = 0.02


def store(session: Session, story: Story, perceived: Perceived, rng: Generator) -> None:
    """Fill an empty database at head with the world, what its members say as texts that are
    recorded as from a gateway. What of it is heard is the recogniser's to say.
    """
    stored.frame(session, story, perceived)
    names = [
        {"product_id": product + 1, "alias": alias}
        for product, (*listed, _) in enumerate(CALLED)
        for alias in listed
    ]
    session.connection().execute(insert(database.table(ProductAlias)), names)
    rules, memory = deriving.load_rules(session, ZONE), Memory()
    said = sorted(_said(story, rng), key=lambda one: (one.at, one.id))
    for start in range(0, len(said), BATCH):
        ingest.record(session, said[start : start + BATCH], rules, memory)


def heard(session: Session, story: Story) -> tuple[Flags, int]:
    """Which mentions the recogniser heard as what they are, and how many it heard that were none or
    of another product.
    """
    mention, named = database.tables(Mention, MessageIdentity)
    rows = session.connection().execute(
        select(named.c.platform_id, mention.c.product_id).join(
            mention, mention.c.message_id == named.c.id
        )
    )
    found, wrong = np.zeros(len(story.mentions.at), bool), 0
    for name, product in rows:
        number = int(name[1:])
        if name[0] == "t" and story.mentions.product[number] + 1 == product:
            found[number] = True
        else:
            wrong += 1
    return found, wrong


def marks(heard_so: Flags, story: Story, rng: Generator) -> Estimate:
    """R as a person finds it who marks some messages at random."""
    named = int(rng.binomial(story.world.labels, story.world.naming))
    inside = np.flatnonzero(story.mentions.at < story.world.days * DAY)
    found = int(heard_so[rng.choice(inside, named, replace=False)].sum())
    return recall.estimate(found, named - found)


def _said(story: Story, rng: Generator) -> Iterator[Said]:
    """Everything that is said before the world ends."""
    crowd, told, answers = story.crowd, story.mentions, story.answers
    end = story.world.days * DAY
    spoken, answered = (np.cumsum(each) for each in (SPOKEN, ANSWERED))
    for number, (room, product, at, seat, kind, quotes) in enumerate(
        zip(*(getattr(told, name).tolist() for name in told.__slots__), strict=True)
    ):
        ways = answered if kind == Kind.REPLY else spoken
        called = (*CALLED[product], NAMELESS)[int(np.searchsorted(ways, rng.random()))]
        sayings = SAYINGS[Kind(kind)]
        text = sayings[int(rng.integers(len(sayings)))].format(called)
        if at < end:
            yield _one(f"t{number}", room, crowd.person[seat], at, text, quotes)
    for number, (mention, seat, at) in enumerate(
        zip(answers.mention.tolist(), answers.seat.tolist(), answers.at.tolist(), strict=True)
    ):
        if at < end and told.at[mention] < end:
            room = seat // crowd.members
            yield _one(f"a{number}", room, crowd.person[seat], at, "嗯嗯", mention)
    rooms = np.arange(story.world.rooms)
    # A word at both ends of each room's log, and chatter between.
    ends = np.repeat([0.0, end - 1.0], len(rooms))
    seats = np.concatenate((np.tile(rooms * crowd.members, 2), told.seat))
    times = np.concatenate((ends, rng.uniform(0, end, len(told.at))))
    for number, (seat, at) in enumerate(zip(seats.tolist(), times.tolist(), strict=True)):
        text = CHATTER[int(rng.integers(len(CHATTER)))]
        if rng.random() < LIKENESS:
            text = LOOKS_LIKE.format(CALLED[int(rng.integers(len(CALLED)))][0])
        yield _one(f"c{number}", seat // crowd.members, crowd.person[seat], at, text, NOBODY)


def _one(name: str, room: int, person: int, at: float, text: str, quotes: int) -> Said:
    quote = None if quotes == NOBODY else f"t{quotes}"
    when = stored.moment(int(at))
    return Said(name, f"room{room}@chatroom", f"wxid_{person}", when, "text", text, quote=quote)
