"""Whether a message asks something, what a thing costs, or wants to buy; with the rule that heard.

Every function takes a text in the form that `plain` gives: compatibility forms, lower case,
simplified characters, no @names, links or emoticons. None cuts it into words. Of what a rule
finds, at least one of its cues is a part (`cues`).
"""

import re
from typing import Final

# What looks like asking and is not.
_FILLERS: Final = re.compile(
    r"""
        没什么|没啥|没多少|没几|什么的|什么[都也]|啥[都也]|[怎咋]么?[都也着]|哪[儿里]?[都也]
        |谁[都也]|哪怕|天哪|哪吒|哪里哪里|多少(?:有点|有些|也|都)|为什么不|不管|无论|不论|好几
        |十几|几乎|几十|几[块毛]钱?的|没怎么|不怎么|不[知晓]道(?:为|怎|什|谁|哪|啥|咋)|谁(?:知道|让)|鬼知道
        |怎么(?:可能|会!)
    """,
    re.VERBOSE,
)
_WORD: Final = re.compile(
    r"""
        什么|啥|怎么|怎样|咋|如何|为何|干嘛|干吗|几时|何时|哪|谁|多少|多[久大长重高远宽贵快厚]
        |几[个点号天月岁次块元毛片斤码包瓶盒袋件套支遍层折年分周小箱勺度级]|是否|可否|能否|有无
        |请问|请教|求问|想问|问[一1]?下|问问|求助|求解|有[木米]有
    """,
    re.VERBOSE,
)
# Each branch begins with its particle, so that the search skips to one: what stands before is
# looked at afterwards.
_PARTICLE: Final = re.compile(
    r"""
        吗(?!啡)|么(?<![什这那多怎要]么)(?:[\W_]|$)|吧(?<=[是对]吧)[\W_]*$|吧(?<=没错吧)[\W_]*$
        |嘛(?<=可以嘛)(?:[\W_]|$)|嘛(?<=[会行有到能成]嘛)(?:[\W_]|$)
        |没(?<=[了过]没)有?[啊呀呢]?(?:[\W_]|$)
        |不(?<=[\u4e00-\u9fff][^才就可要何了也都绝从\W]不)[啊呀呢]?(?:[\W_]|$)
        |呢(?<=[你您他她它们]呢)[\W_]*$|呢(?<=[这那]个呢)[\W_]*$
        |呢(?<=价格呢|地址呢|链接呢|的话呢)[\W_]*$
    """,
    re.VERBOSE,
)
# 好不好, 有没有, 能不能; 动不动 and 时不时 are none.
_CHOICE: Final = re.compile(
    r"[不没](?<=([\u4e00-\u9fff])[不没])\1(?<!动不动)(?<!时不时)(?<!了不了)"
)
# Wants to be told something, without asking in so many words.
_REQUEST: Final = re.compile(
    r"""
        (?:帮|麻烦|拜托|劳驾|求|给我|请|替我|想让|能不能)[^,。!?;]{0,14}(?:推荐|介绍|查
        |找[一个家款到下]|告诉|告知|说一?下|看看|看一?下|问一?下|解答|科普|指导|支招|出主意|选一
        |挑|[发留给][我个一])|[把将给](?!大家|你)[^,。!?;]{1,20}(?:告诉我|[发给说报]我?[一1]?下
        |[发报给]给?我|发过来)|(?<![^,。!;])告诉我|告诉我?[一1]?下|(?<![头理])发(?:给
        |到)?我(?=[\W_]|$|[一下吧呗啊呀哈看])|给推荐|推荐[一1]?[下吧呗]|忘了?记?问|求(?:推荐
        |链接|安利|分享|教|问|助|解|支招|科普|同款|经验|攻略|指点)|(?<!也)(?:想|要|打算|准备
        |需要|希望)[再去先]?(?:找(?!到|你|他|她|工作)|知道|了解|请教|咨询|问(?!题))|(?:有|蹲
        |求)[^,。!?]{0,8}(?:推荐|链接|用过|买过|知道|了解)的?[\W_]*$
    """,
    re.VERBOSE,
)
# A question that wants no answer.
_RHETORICAL: Final = re.compile(
    r"""
        难道|岂[不有能]|何必|何苦|凭(?:什么|啥)|至于[吗么嘛]|好意思[吗么嘛]|有意思[吗么嘛]
        |算什么|有完没完|什么(?:玩意|破|鬼|态度|垃圾)|这也[叫算能]|谁还[敢会买]|还[能敢]信
    """,
    re.VERBOSE,
)
_PRICE: Final = re.compile(
    r"""
        多少(?:钱|米|元|块)|[什啥咋][么个]?价|价[格钱位]?(?:是|要)?(?:多少|呢|吗|怎么样|如何|贵)
        |几(?:块|元|钱|毛)(?!钱?的)|[怎咋]么?卖|多钱|贵[吗么不](?!起)|便宜(?:点|些)?[吗么不没]
        |[有没啥]什?么?[^,。!?]{0,3}(?:优惠|折扣|活动价|满减|券)[吗么没不?]|优惠(?:多少|吗|不)
        |几折|包邮[吗么不?]|券后(?:多少|价)|(?<![^,。!])(?:价格|价钱|多少)\?|报个?价
    """,
    re.VERBOSE,
)
_WANTS: Final = re.compile(
    r"""
        (?:想|准备|打算|考虑|要)[再也去先就]{0,2}(?:买(?!过|了)|入手|下单|囤|种草|订购|购买)
        |想要(?:[一个瓶盒件套支]|这|同款|链接)
        |(?<![^,。!;\s])我?也?[要来][一二两三1-9几]?[个份盒瓶箱件套支条包罐](?![人月小])
    """,
    re.VERBOSE,
)
_NOT_WANTED: Final = re.compile(
    r"""
        [不没别](?:太|怎么|再|会|敢|用|想|是)?(?:想|要|打算|准备|考虑|再|能|会)?(?:买|入手|下单
        |囤|购)
    """,
    re.VERBOSE,
)
_WHERE: Final = re.compile(
    r"""
        (?:怎么|咋|哪里?儿?|如何)(?:能|可以|才能|儿|里)?(?:买|下单|购|入手|订|抢)
        |[求甩蹲要发给][^,。!?]{0,4}链接|链接(?:在哪|呢|有|发|给)|蹲(?:一个|个|补货|上新)
        |还有(?:货|库存|名额)[吗么没不]
    """,
    re.VERBOSE,
)
_PLACED: Final = re.compile(
    r"""
        (?:已经?|刚刚?|我)(?:拍|下单|付款)(?:了|好了|完了)|下单了|拍下了|已[拍付]
    """,
    re.VERBOSE,
)

QUESTION_CUES: Final = (
    "? 吗 么 嘛 吧 呢 没 不 什么 啥 怎么 怎样 咋 如何 为何 干嘛 几 何时 哪 谁 多少 多久 多大  "
    "多长 多重 多高 多远 多宽 多贵 多快 多厚 是否 可否 能否 有无 有木有 有米有 问 请教 求助  "
    "求解 推荐 介绍 查 找 告诉 告知 说一下 说下 说我 说1 看看 看下 看一下 解答 科普 指导  "
    "支招 出主意 选一 挑 发 报我 报下 报一 报给 报1 留 给我 给个 给一 给1 给下 链接 安利  "
    "分享 教 同款 经验 攻略 指点 知道 了解 咨询 用过 买过 "
).split()
PRICE_CUES: Final = "多少 价 几块 几元 几钱 几毛 卖 多钱 贵 便宜 优惠 折 满减 券 包邮".split()
PURCHASE_CUES: Final = [
    *"买 入手 下单 囤 种草 购 想要 链接 订 抢 蹲 还有货 库存 名额 拍 付款 付".split(),
    *(f"{verb}{what}" for verb in "要来" for what in "一二两三几123456789个份盒瓶箱件套支条包罐"),
]


def question(plain: str) -> str | None:
    """The rule by which a text is a question: mark, particle, word, choice or request."""
    if _RHETORICAL.search(plain):
        return None
    if "?" in plain:
        return "mark"
    if _PARTICLE.search(plain):
        return "particle"
    if _WORD.search(plain) and _WORD.search(_FILLERS.sub("", plain)):
        return "word"
    if _CHOICE.search(plain):
        return "choice"
    return "request" if _REQUEST.search(plain) else None


def rhetorical(plain: str) -> bool:
    """Whether a text asks what wants no answer."""
    return _RHETORICAL.search(plain) is not None


def price(plain: str) -> bool:
    """Whether a text asks what something costs."""
    return _PRICE.search(plain) is not None


def purchase(plain: str) -> str | None:
    """The rule by which the writer is about to buy: where, wants, or placed (an order)."""
    if _WHERE.search(plain):
        return "where"
    if _NOT_WANTED.search(plain):
        return None
    if _WANTS.search(plain):
        return "wants"
    return "placed" if _PLACED.search(plain) else None
