"""Whether a message complains or praises: words, what stands before them, and when to abstain.

Nothing that works offline judges the mood of chat well (docs/signals.md), so this takes only
what is said in so many words, looks a few characters back for a "not", and abstains where the
words may be a question, a condition, hearsay, or about anything but what was bought. Texts are
in the form that `plain` gives.
"""

import re
from dataclasses import dataclass
from typing import Final

from bot.text import asking


@dataclass(frozen=True, slots=True)
class Grievance:
    """A complaint: 1 displeased, 2 something went wrong, 3 harm, fraud, or a threat to go public;
    `rule` is the kind of words. 0: words of a complaint are there, and no telling.
    """

    severity: int
    rule: str


UNSURE: Final = Grievance(0, "unsure")

# Kinds of words, the gravest first.
_WORDS: Final = {
    # Fraud, and where people go with it.
    "fraud": r"""
        假货|[是卖]假的(?!话)|卖假|造假|仿品|骗[子钱我了]|[被欺]骗|骗人|欺诈|上当|坑[人爹钱]
        |被坑|黑[店心]|虚假宣传|货不对板|翻新|投诉|举报|12315|工商|消协|消费者协会|曝光|维权
        |起诉|告你们|差评
    """,
    # What it did to somebody.
    "harm": r"""
        过敏|烂脸|红肿|起疹|起了?一?[脸身]|爆痘|进了?医院|中毒|拉肚子|呕吐|受伤|烫伤|划伤|漏电
        |爆炸|起火|冒烟|自燃
    """,
    # What was wrong with goods.
    "defect": r"""
        漏[液尿]|破损|裂[开纹]|开裂|变形|变质|发霉|霉了|过期|异味|发?臭了|馊了?|[掉褪染]色|起球
        |[脱开]线|生虫|虫子|瑕疵|划痕|脏的|死机|失灵|[黑白花]屏|质量(?:[太很真这好]?[么的]?(?:差
        |烂|次|糟|不好|不行|一般)|问题|有[点些]?问题|下降|堪忧)|[少漏错]件|[漏少错]发|[发寄送]错
        |少了[一二两三\d]?[个件瓶包份]|缺[件斤少]|不对版|色差|二手的|用过的|拆封过
    """,
    # What may be wrong with anything.
    "broken": r"""
        漏了|漏[水油]|破了|[碎裂烂]了|坏了|坏的|断了|[用开连充打登提接插][不][了上开]|连接不上
        |没有?反应|不制[冷热]|不工作|故障|不好使|不能用了|自己停了
    """,
    # What was wrong with shop, carrier or platform.
    "service": r"""
        (?:没人|无人|没有人|[不没](?!用|管|理由|理想|处理好)|没有)(?:理|管|回复?(?!家|来|去|到
        |头|事)|回应|处理|解决|接电话|接听)|电话[^,。!?]{0,3}不接|接不通|打不通|没人[接来]
        |联系不上|找不到人|踢皮球|推[脱卸诿]|敷衍|(?:态度|语气)[太很真极这么那]*(?:差|恶劣|不好
        |冲)|不负责|耍赖|霸王|(?:还|都|一直|到现在|至今|根本|仍|也)(?:没有?|不
        |未)[^,。!?;]{0,6}(?:发货|到货|到账|送|收到|更新|动静|消息|退款|退钱|退|处理|解决|发)
        |(?:没有?|未)(?:收到|到账|退款|发货|物流)|(?:迟迟|一直|总是|老是)(?:不|没|显示)
        |不给(?:退|换|发|修)|拒绝(?:退|换|售后|赔)|不让退|(?<!悲)催了
        |[\d一二两三四五六七八九十几]天[都了也还]?[没不](?=有|更|到|发|动|回|来|见)|没有?(?:接到
        |得到)[^,。!?;]{0,3}(?:通知|回复|答复|消息)|没有?(?:进度|进展)
        |等了?[好很这么那都半\d一二两三四五六七八九十几]+(?:久|天|个?[月周星])|等到(?:现在|花)
        |[让叫]我[^,。]{0,3}等|不肯|不能?按时|失败|不给[^,。!?]{0,3}[安装修退换发]|一直没|自动扣
        |乱扣|多[扣收](?!藏|到)|擅自|私自|莫名其妙|怎么(?:搞|老是|总是|一直|没|到[今现]|还没)
        |(?:没|未)(?:拿到|收到|送)[^,。!]{0,6}(?:完成|签收|确认)
    """,
    # What one says when it is not as promised.
    "protest": r"""
        说好的?|明明|到底[能是有什要给]|出尔反尔|降价了|就降价|怎么(?:又|还(?!是)|这么)
        |[都也]不行|有没有人管
    """,
    # Displeased with it all.
    "displeased": r"""
        失望|无语|气死|生气|气人|真?恶心|垃圾(?!桶|袋|分类|站|箱|车|食品)|太差|差劲|很差|真差
        |差得|难用|不好用|难吃|不好吃|难闻|后悔|再也不[买来会]|不会再[买来]|智商税|踩雷|避雷
        |踩坑|拔草|不值|鸡肋|没有?效果|没什么用|一点用|太慢|真慢|有点慢|好慢|慢死|太烂|[太真]坑
        |坑了|受不了|忍不了|(?<!客)(?<!舒)(?<!说)(?<!佩)服了|什么(?:玩意|破|鬼|态度|垃圾)|吃不消
        |不靠谱|闹心|糟[心糕]|影响很?不好|第一次遇[见到]|越来越差|[这那]么慢|[太这]久了
        |[太很真]不(?:方便|好|负责|像话|应该|合理|爽)|没意思|水平(?:这么|太|真)?低|不灵
        |还是[^,。]{0,4}问题
    """,
}
_ANY: Final = re.compile(
    "|".join(f"(?P<{kind}>{words})" for kind, words in _WORDS.items()), re.VERBOSE
)
GRIEVANCE_CUES: Final = (
    "假 仿品 骗 欺 上当 坑 黑店 黑心 货不对板 翻新 投诉 举报 12315 工商 消协 消费者 曝光 "
    "维权 起诉 告你们 差评 过敏 烂 红肿 起疹 起了 起一 起脸 起身 起球 起火 爆 医院 中毒 "
    "拉肚子 呕吐 受伤 烫 划 漏 冒烟 自燃 破 裂 碎 变形 变质 霉 过期 异味 臭 馊 掉色 褪色 "
    "染色 脱线 开线 虫 瑕疵 脏的 死机 失灵 屏 质量 少件 错件 错发 少发 发错 寄错 送错 少了 "
    "缺 不对版 色差 二手 用过 拆封 坏 断了 不了 不上 不开 反应 不制 不工作 故障 不好使 不能 "
    "停了 没人 无人 有人 不理 不管 不回 不处 不解 不接 没理 没管 没回 没处 没解 没接 有理 "
    "有管 有回 有处 有解 有接 踢皮球 推 敷衍 态度 语气 不负责 耍赖 霸王 还没 还不 还未 都没 "
    "都不 都未 一直 到现在 至今 根本 仍 也没 也不 也未 没收 没有收 未收 没到 有到 未到 没退 "
    "有退 未退 没发 有发 未发 没物 有物 未物 迟迟 总是 老是 不给 拒绝 不让 催了 天没 天都 "
    "天了 天也 天还 天不 有得 没得 没进 有进 等 不肯 不按 失败 自动扣 乱扣 多扣 多收 擅自 "
    "私自 莫名 怎么 没拿 未拿 没送 未送 说好 明明 到底 出尔 降价 不行 失望 无语 气死 生气 "
    "气人 恶心 垃圾 差 难 不好 后悔 再也不 不会再 智商税 雷 踩坑 拔草 不值 鸡肋 效果 "
    "没什么用 一点用 慢 受不了 忍 服了 什么 吃不消 不靠谱 闹心 糟 太久 这久 第一次遇 不方便 "
    "不像话 不应该 不合理 不爽 没意思 水平 不灵 还是 打不通 接不通 找不到人"
).split()
_SEVERITY: Final = {
    "displeased": 1, "protest": 1, "service": 2, "broken": 2, "defect": 2, "harm": 3, "fraud": 3
}  # fmt: skip
# Right before such a word: it did not happen, is only feared, or is no goods.
_DENIED: Final = re.compile(
    r"""
        (?:没有?|不会?|不是|未|无|别|防|避免|从不|从没|从来没|并非|免得|以免|省得|担心|[怕害]怕?
        |小心|容易|差点|险些|摔|弄|倒|扔|丢|券|优惠|活动|红包|链接|[二维]码)[^,。!?;\s]{0,2}$
    """,
    re.VERBOSE,
)
# In the same clause: a condition, hearsay, or what a shop offers.
_SUPPOSED: Final = re.compile(
    r"""
        如果|要是|万一|假如|假设|的话|听说|据说|[别有]人说|网上说|包退|包换|支持退|[可能]以?退
        |无理由|会不会|能不能|是不是|有没有|会[^,。]{0,6}吗|是否|保质期|多久|什么时候|避免|只要
        |只有
    """,
    re.VERBOSE,
)
# Somebody tells what happened to themselves.
_HAPPENED: Final = re.compile(
    r"""
        收到|到货|我[的家们买在用这]|买[的了来]|发来|寄来|这[次批]|现在|昨天|今天|刚
        |一直|都|打开|拆开|结果|还没|至今|为什么|为啥|\d天|用[了着]
        |怎么(?![办弄样用退换选买申开改修联查操登补处设下写填领找去洗])
    """,
    re.VERBOSE,
)
_WHAT_NOW: Final = re.compile(r"(?:怎么|咋)(?:办|整|弄啊)")
_SHOP: Final = re.compile(
    r"""
        买|用|货|产品|商品|质量|客服|快递|物流|店|卖家|商家|品牌|牌子|[这那]款|包装|效果|价|退
        |单|售后|群主|平台|送|吃|喝|穿|涂|抹
    """,
    re.VERBOSE,
)
_SELLER: Final = re.compile(
    r"""
        客服|[卖商]家|店|你们|售后|快递|物流|平台|官方|[订下退]单|发货|退|换|货|收到|单[子号]
        |包裹|电话|[派配]送|安装|师傅|工人|群主|老板|发票|更新|券|钱|款
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
    found = [match for match in _ANY.finditer(plain) if not _before(_DENIED, match)]
    if not found:
        return None
    rule = max((match.lastgroup or "" for match in found), key=lambda kind: _SEVERITY[kind])
    certain = (
        (rule == "protest" or not any(_SUPPOSED.search(_clause(match)) for match in found))
        and (names_product or _concerns(plain, rule))
        and (asking.rhetorical(plain) or _asserts(plain, rule))
    )
    return Grievance(_SEVERITY[rule], rule) if certain else UNSURE


def praises(plain: str, *, names_product: bool = False) -> bool:
    """Whether a text praises what was bought."""
    return pleased(plain) and (names_product or _SHOP.search(plain) is not None)


def pleased(plain: str) -> bool:
    """Whether a text has words of praise that nothing before them takes back."""
    return any(not _before(_UNPLEASED, match) for match in _PLEASED.finditer(plain))


def _concerns(plain: str, rule: str) -> bool:
    """Whether the words are about what was bought, where they could be about anything."""
    match rule:
        case "harm":
            return _CAUSE.search(plain) is not None
        case "broken":
            return _SHOP.search(plain) is not None or _HAPPENED.search(plain) is not None
        case "service":
            return _SELLER.search(plain) is not None
        case "displeased" | "protest":
            return _SHOP.search(plain) is not None
    return True


def _asserts(plain: str, rule: str) -> bool:
    """Whether something is told, and not merely asked, or praised with a reservation."""
    if _SEVERITY[rule] == 1 and pleased(plain):
        return False
    if _SEVERITY[rule] == 2 and _WHAT_NOW.search(plain):
        return True
    return asking.question(plain) is None or _HAPPENED.search(plain) is not None


def _before(words: re.Pattern[str], match: re.Match[str]) -> bool:
    return words.search(match.string, max(0, match.start() - 6), match.start()) is not None


def _clause(match: re.Match[str]) -> str:
    text = match.string
    since = max(text.rfind(end, 0, match.start()) for end in _ENDS) + 1
    until = min((at for end in _ENDS if (at := text.find(end, match.end())) >= 0), default=None)
    return text[since:until]


_ENDS: Final = ",。!?;\n "
