"""Whether a message complains or praises: words, what stands before them, and when to abstain.

Nothing that works offline judges the mood of chat well (docs/signals.md), so this takes only
what is said in so many words, looks a few characters back for a "not", and abstains where the
words may be a question, a condition, hearsay, or about anything but what was bought. Texts are
in the form that `plain` gives.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.text import asking, grievances
from bot.text.grievances import SEVERITY


@dataclass(frozen=True, slots=True)
class Grievance:
    """A complaint: 1 displeased, 2 something went wrong, 3 harm, fraud, or a threat to go public;
    `rule` is the kind of words. 0: words of a complaint are there, and no telling.
    """

    severity: int
    rule: str


UNSURE: Final = Grievance(0, "unsure")

# Nobody supposes these.
_INDIGNANT: Final = ("protest", "contrary")
# Right before such a word: it did not happen, is only feared, or is no goods.
_DENIED: Final = re.compile(
    r"""
        (?:没有?|不会|(?<!是)不是|不(?=.?$)|最好|未|无|别|防|避免|零|从不|从没|从来没|并非
        |免得|以免|省得|担心|[怕害]怕?|小心|容易|差点|险些|摔|弄|倒|扔|丢|券|优惠|活动|红包|链接|[二维]码)[^,。!?;\s]{0,2}$
    """,
    re.VERBOSE,
)
# Right after: there is none of it, or it matters little; others who wait are told; it is no goods.
_NONE: Final = re.compile(r"[都也]?没有?(?=\W|$)|也能|不明显|不严重")
_ELSE: Final = re.compile(
    r"""
        货?的(?:姐|宝|亲|朋友|小伙伴|群友)|[^,。!?]{0,3}(?:红包|群公告|邀请|朋友圈|张图)
    """,
    re.VERBOSE,
)
# Of a wait: it is over or for no goods, or nobody minds it.
_OVER: Final = re.compile("终于(?![还也没])|红包|群公告")
_PATIENT: Final = re.compile(
    r"(?<![们能])(?:不着?急|别急)(?![^!?]*(?:但|可是|只是|[吗么?]|才怪|死))|慢慢[发来]"
)
# In the same clause: a condition, hearsay, or what a shop offers.
_SUPPOSED: Final = re.compile(
    r"""
        如果|要是|万一|假如|假设|的话|听说|据说|[别有]人说|网上说|包退|包换|支持退|[可能]以?退
        |无理由|包赔|必赔|闲置|转让|接龙|发广告|举报[^,。!?]{0,3}广告|没关系|不要紧|无所谓
        |就够|会不会|能不能|是不是|有没有|会[^,。]{0,6}吗|是否|保质期|多久|什么时候|避免|只要
        |(?<!收到)(?<!收到的)只有
    """,
    re.VERBOSE,
)
# Somebody tells what happened to themselves.
_HAPPENED: Final = re.compile(
    r"""
        收到|到货|我[的家们买在用这]|买[的了来]|发来|寄来|这[次批]|现在|昨天|今天|刚
        |一直|都|打开|拆开|结果|还没|至今|为什么|为啥|\d天|用[了着]
        |为何|已经|至今|不是(?:说|应该)|是不是太|[老总]显示|[好都][^,。!?\s]{1,5}[天周号]了|时候?可是说
        |那么久|怎么到|刚刚?不是|到现在|自动|[几\d两三四五六七八九十久]天?[^,]?[没未]有?更
        |怎么(?![办弄样用退换选买申开改修联查操登补处设下写填领找去洗])
    """,
    re.VERBOSE,
)
_WHAT_NOW: Final = re.compile(
    r"""
        (?:怎么|咋)(?:办|整|弄啊)|[了已](?=.{0,20}怎么(?:处理|解决|修))
        |怎么(?:处理|解决)(?=.{0,10}[了已])
    """,
    re.VERBOSE,
)
# Parts of goods, and small ones: whoever tells that they are broken, bought them.
_PART: Final = re.compile(
    "屏幕|按[键钮]|盖子|拉链|[笔表灯仪器锅]|插头|充电|电池|配件|接口|瓶|盒|袋|镜|轮|指针"
)
_SHOP: Final = re.compile(
    r"""
        买|用|货|产品|商品|质量|客服|快递|物流|店|卖家|商家|品牌|牌子|[这那]款|包装|效果|价|退
        |单|售后|群主|平台|送|吃|喝|穿|涂|抹|发票|京东|淘宝|天猫|拼多多|抖音|有赞
        |东西(?=怎么|还|没|也|太|很|质)|安装
    """,
    re.VERBOSE,
)
_SELLER: Final = re.compile(
    r"""
        客服|[卖商]家|店|你们|售后|快递|物流|平台|官方|[订下退]单|发货|退|换|货|收到|单[子号]
        |包裹|电话|[派配]送|安装|师傅|工人|群主|老板|发票|开票|更新|券|钱|款|运费|京东|淘宝|天猫
        |拼多多|抖音|有赞|[取寄返派]件|返修|站点|自提|仓库|到账|账[单号]|余额|审核|服务|签收
        |[一另两几\d]件(?!事)
        |[这那一几]单|会员|[保降]价|价保|网页|[现没有无]货|自营|代售|送[达到]|检测|出库|空调|扣费
        |打印|催[投单促]|充值|财务|提现|反[映馈]|价格|东西(?=还|没)
    """,
    re.VERBOSE,
)
# What is asked for, and no grievance: to change, cancel or repair, or the difference in price.
_ARRANGES: Final = re.compile(
    r"""
        (?:能|可以|能不能|可不可以)[^,。!?]{0,6}(?:改|取消|退|拦截)[^,。!?]{0,6}[吗么不吧?]
        |[换修][^,。!?]{0,6}多少钱|差价|价格保护
        |(?<!不给我)(?<!不给)(?:价保|保价)
    """,
    re.VERBOSE,
)
_CAUSE: Final = re.compile(
    r"""
        [用吃喝抹涂擦敷穿戴][了完过后上着这的]|产品|你们|[这那]款|牌|买
    """,
    re.VERBOSE,
)

_PLEASED: Final = re.compile(
    r"""
        好用|不错|[很超真太点]赞|喜欢|满意|惊喜|超值|值得|划算|爱了|绝了|神器|好[吃喝看闻]|舒服
        |柔软|回购|强推|五星|好评|给力|靠谱|真香|yyds|太好了|(?:效果|质量|品质|味道|口感|服务
        |态度|物流|包装|颜值|性价比)[都也很真非常超挺蛮太特别]{0,4}(?:好|棒|赞|高|快)
    """,
    re.VERBOSE,
)
PRAISE_CUES: Final = (
    "好用 不错 赞 喜欢 满意 惊喜 超值 值得 划算 爱了 绝了 神器 好吃 好喝 好看 好闻 舒服 柔软 "
    "回购 强推 五星 好评 给力 靠谱 真香 yyds 太好了 效果 质量 品质 味道 口感 服务 态度 物流 "
    "包装 颜值 性价比"
).split()
_UNPLEASED: Final = re.compile(
    r"""
        (?:没有?|不是?|不太|不怎么|不算|不够|不会|未必|别|求|[哪谁]|什么|怎么|如何|更
        |比)[^,。!?;\s]{0,2}$
    """,
    re.VERBOSE,
)


def grievance(plain: str, *, names_product: bool = False) -> Grievance | None:
    """What a text complains of; None where no words of a complaint are in it.

    `names_product`: whether it names one, so that it is about what was bought.
    """
    heard = [match for match in grievances.found(plain) if not _denied(match)]
    if not heard:
        return None
    found = [match for match in heard if _is_said(match)]
    if not found:
        return UNSURE
    rule = max((match.lastgroup or "" for match in found), key=lambda kind: SEVERITY[kind])
    certain = (names_product or _concerns(plain, rule)) and (
        asking.rhetorical(plain) or _asserts(plain, rule, found)
    )
    return Grievance(SEVERITY[rule], rule) if certain else UNSURE


def words(plain: str, rule: str) -> tuple[str, ...]:
    """The words of a complaint by which `rule` heard it, each once, as they come in the text; none
    where the rules of today do not hear it.
    """
    found = (match for match in grievances.found(plain) if match.lastgroup == rule)
    return tuple(
        dict.fromkeys(
            match.group().strip() for match in found if not _denied(match) and _is_said(match)
        )
    )


def praises(plain: str, *, names_product: bool = False) -> bool:
    """Whether a text praises what was bought."""
    return pleased(plain) and (names_product or _SHOP.search(plain) is not None)


def pleased(plain: str) -> bool:
    """Whether a text has words of praise that nothing before them takes back."""
    return any(not _before(_UNPLEASED, match) for match in _PLEASED.finditer(plain))


def _denied(match: re.Match[str]) -> bool:
    """Whether the words right around deny it, or it is a wait that is over or is not minded."""
    said, end, rule = match.string, match.end(), match.lastgroup or ""
    if _before(_DENIED, match) or (SEVERITY[rule] < 3 and _ELSE.match(said, end)):
        return True
    if rule == "service":
        return _OVER.search(_clause(match)) is not None or _PATIENT.search(said) is not None
    return _NONE.match(said, end) is not None


def _is_said(match: re.Match[str]) -> bool:
    """Whether words stand as a fact, and not in a condition, hearsay or what a shop offers."""
    return match.lastgroup in _INDIGNANT or _SUPPOSED.search(_clause(match)) is None


def _concerns(plain: str, rule: str) -> bool:
    """Whether the words are about what was bought, where they could be about anything."""
    match rule:
        case "harm":
            return _CAUSE.search(plain) is not None
        case "broken":
            return any(words.search(plain) for words in (_SHOP, _PART, _HAPPENED))
        case "service" | "contrary":
            return _SELLER.search(plain) is not None
        case "displeased" | "protest":
            return _SHOP.search(plain) is not None
    return True


def _asserts(plain: str, rule: str, found: Iterable[re.Match[str]]) -> bool:
    """Whether something is told, and not merely asked, or praised with a reservation."""
    if SEVERITY[rule] == 1:
        return not pleased(plain) and not _ARRANGES.search(plain) and _tells(plain)
    if rule in ("service", "broken") and _ARRANGES.search(plain):
        return False
    if SEVERITY[rule] == 2 and _WHAT_NOW.search(plain):
        return True
    # "It is scratched, can you take it back?": what is asked is something else.
    return _tells(plain) or any(
        match.lastgroup == rule != "service" and asking.question(_clause(match)) is None
        for match in found
    )


def _tells(plain: str) -> bool:
    return asking.question(plain) is None or _HAPPENED.search(plain) is not None


def _before(words: re.Pattern[str], match: re.Match[str]) -> bool:
    return words.search(match.string, max(0, match.start() - 6), match.start()) is not None


def _clause(match: re.Match[str]) -> str:
    text = match.string
    since = max(text.rfind(end, 0, match.start()) for end in _ENDS) + 1
    until = min((at for end in _ENDS if (at := text.find(end, match.end())) >= 0), default=None)
    return text[since:until]


_ENDS: Final = ",。!?;\n "
