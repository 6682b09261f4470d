"""Definitions (DESIGN §7): what each figure counts, over what, and the command that lists it."""

import datetime as dt
from dataclasses import dataclass, field

from bot.digest.sheet import Note
from bot.insights.engagement import Days

ENGAGEMENT = "qunyun export engagement {span}"
# One message of a member a row, with what was heard in it.
TALK = "qunyun export talk {span}"
# key → (term, definition, denominator, command)
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "orders": (
        "订单行与收入",
        "一笔订单里的一个商品算一行；收入是实付减去退款，按支付时间归入本周。",
        "本周支付的全部订单行",
        "qunyun export orders {span}",
    ),
    "takings": (
        "收入和往常比",
        "早先最多 24 个整周的收入，各按周末后同样久的时刻算：那以后的退款、取消不减，和本周一样熟；"
        "第一单之前的周、一行订单也没有的周是未采集，不当作 0。"
        "不少于 8 周才给 95% 预测区间（对数尺度）："
        "若一切照旧，20 周里约有 1 周在区间外。后来才收到的订单算在早先各周里，另行写明有多少。",
        "早先各周支付的订单行，运营自购的除外",
        "qunyun export takings {band}",
    ),
    "labels": (
        "归因标签",
        "每行按规则取第一个成立的标签，并指向一条消息。窗口规则只是弱证据："
        "就单独一单而言，大约五成把握。百分比各自四舍五入，合计可能差一两个百分点。",
        "本周支付的订单行",
        "qunyun export attribution {span}",
    ),
    "messages": (
        "群日均消息",
        "成员发的消息，任何类型都算；系统消息、已撤回的不算。",
        "群日 = 群数 × 已过完的天数（按各群当地日）",
        ENGAGEMENT,
    ),
    "effective": (
        "有效消息",
        "去掉表情、+1、打卡、60 秒内超过 5 条的刷屏、24 小时内的近似重复之后的消息。",
        "同群日均消息",
        ENGAGEMENT,
    ),
    "band": (
        "往常（95% 区间）",
        "自己早先最多 24 个整周给出的 95% 预测区间（对数尺度）：若一切照旧，"
        "20 周里约有 1 周在区间外；不足 8 周不作判断。",
        "日志里的整周，和日志之前导入的周汇总（另行标出）",
        "qunyun export weeks {band}",
    ),
    "active_day": (
        "每位发言者每天",
        "消息数除以发言人日；与群日均、成员日均并列，三者读法不同。",
        "发言人日 = 每天发过言的成员数之和",
        ENGAGEMENT,
    ),
    "member_day": (
        "每位成员每天",
        "消息数除以成员人日，潜水的也在分母里。",
        "成员人日 = 期末成员数 × 天数",
        ENGAGEMENT,
    ),
    "before": (
        "开办前 → 本周",
        "每个群第一次问题解答日或用户分享日之前的整周的群日均，与本周相比。"
        "只是前后对比，不等于因果。",
        "有开办前数据的群",
        "qunyun export weeks {band} && qunyun export days {band}",
    ),
    "hours": (
        "几点在聊",
        "成员的消息按群所在地的星期和钟点计数。",
        "本周成员的消息",
        TALK,
    ),
    "activation": (
        "新人 7 天内开口",
        "首次入群后的前 7 天（入群当天算第 1 天）在本周走完的人，其间发过言的占比。",
        "首次入群、且前 7 天在本周走完的人",
        "qunyun export stays {month} && qunyun export engagement {month}",
    ),
    "topics": (
        "涨得快的词和提问",
        "与自己往常各周相比的对数几率比（带先验），不是次数最多的词；不足 5 人的不在本群以外列出。",
        "本周成员的有效消息",
        "qunyun topics --week {week}",
    ),
    "complaints": (
        "投诉与时限",
        "按规则从成员的消息里听出来的；实时收到的立案，24 小时内要有人处理。"
        "规则会听错（标注的真话里，听出的 85% 真是投诉，真投诉只听得出 44%），由处理的人更正。",
        "本周成员的消息；立案的投诉",
        TALK,
    ),
    "candidates": (
        "体验官人选",
        "28 天里发言排前两成、90 天消费低于买过的人的中位数的成员；名字在命令里，只给能看的人。",
        "有画像的成员",
        "qunyun segments candidates",
    ),
    "again": (
        "复购率",
        "第一单满 90 天的买家里，90 天内又买了一单的占比；区间是 Wilson 95% 区间。",
        "第一单已满 90 天的买家",
        "qunyun segments customers",
    ),
    "wau": (
        "周活与日活",
        "周活是本周发过言的成员（跨群去重）；日活是每天发言成员数的均值（每群各算）。",
        "人；日活是群席位",
        ENGAGEMENT,
    ),
    "participation": (
        "参与率",
        "本周发过言的成员占成员的比例；一人在两个群算两个席位。",
        "成员 = 期末在群的人与本周发过言的人的并集",
        "qunyun export seats {span}",
    ),
    "silent": (
        "沉默率",
        "最近 28 天没发过言的成员占比。",
        "日志覆盖满 28 天的群里，期末在群的人与 28 天里说过话的人的并集",
        "qunyun export seats {month}",
    ),
    "turnover": (
        "入群与退群",
        "本周开始和结束的在群记录；开始记录之前就在群里的人不算新人。",
        "次",
        "qunyun export stays {span}",
    ),
    "concentration": (
        "发言集中度",
        "说得最多的一成发言者占消息的比例；基尼系数 0 为人人一样多，越接近 1 越集中。",
        "本周发过言的席位",
        ENGAGEMENT,
    ),
    "response": (
        "24 小时回应率",
        "提问后 24 小时内被别人回应的比例，两种口径：任何真人（含运营），或只算成员。"
        "回应 = 引用这条提问，或 @ 提问者；都没有的，"
        "按十分钟内的先后和用词推断，会猜错一些。",
        "本周提出、且已满 24 小时的成员提问",
        TALK,
    ),
    "wait": (
        "首次回应用时",
        "从提问到第一个真人回应，Kaplan–Meier 估计：没等到回应的按已等的时间计入，不会被丢掉。",
        "本周全部成员提问",
        TALK,
    ),
    "unanswered": (
        "还没人回应",
        "到统计时刻为止没有任何真人回应的成员提问。提问由规则识别：标注的真话里，"
        "认成提问的 90% 真是提问，提问的 98% 认得出。",
        "本周全部成员提问",
        TALK,
    ),
    "lift": (
        "活动日增量",
        "本群活动日比平日（没有任何活动的日子）多出的消息，减去当天没有活动的群在同一天的同样差值；"
        "区间是对群重抽样 1,000 次的 95% 区间。没有可比的群时写“无对照”。",
        "最近 28 天里真正发出过的活动日",
        "qunyun export days {month}",
    ),
    "asked": (
        "大家在问、在分享",
        "规则识别出的提问与分享（标注的真话里，认成提问的 90% 真是提问，提问的 98% 认得出；"
        "分享没有量过）；先看回应的人多不多，再看先后。"
        "原话只出现在本群自己的周报里，链接、电话、@ 已去掉。",
        "本周成员的提问与分享",
        TALK,
    ),
    "products": (
        "提到的商品",
        "成员的消息里出现商品名、别名、编码或卡片；一条消息对一个商品只算一次。"
        "标注的真话里，认出的 94% 没错，提到的认得出 55%（名字是日常词的会漏）。",
        "本周成员的消息",
        TALK,
    ),
    "rooms": (
        "值得看的群",
        "每个群与自己的早先各周相比，再按 Benjamini–Hochberg 一起判断：列出的群里，"
        "碰巧的平均不超过 5%。",
        "有 8 周以上基线、成员不少于 5 人的群",
        "qunyun export weeks {band}",
    ),
    "goals": (
        "目标与进度",
        "本周的数就是本周报里的那个数；起点是定目标时最近一期周报的数；"
        "路走了 = (本周 − 起点) / (目标 − 起点)。",
        "定目标的人用 qunyun target 写下的目标",
        "qunyun target list",
    ),
    "experiments": (
        "正在做的实验",
        "由抽签决定哪些群发、哪些群不发（或发哪一种），先记下来再发；差别按群聚类，"
        "95% 区间随每周看一次放宽。",
        "参加实验的群，按抽到的组算",
        "qunyun experiment list",
    ),
    "corrections": (
        "上周的更正",
        "上周的周报是暂定的：周末后 72 小时内还会有后到的回应、退款、订单。发出的不改，"
        "今天再算一次上周，读起来不同的数列在这里。",
        "上周周报里的全部数字",
        "qunyun digest --week {last_week}",
    ),
    "share": (
        "群聊带来（校正后）",
        "最近 28 天的订单里，因为群里聊到才买的占比：下单前 24 小时群里有人提到这件商品的比例，"
        "减去下单后 24 小时的（碰巧的水平），再按识别率和起效的快慢校正；95% 区间。",
        "28 天里买家能识别、没有用优惠也不在促销中的订单行",
        "qunyun attribute --json {month}",
    ),
    "deliveries": (
        "没有发出的投递",
        "本周应发而没有发出的，按状态和原因。",
        "本周应发的全部投递",
        "qunyun export deliveries {span}",
    ),
    "health": (
        "数据健康",
        "买家未识别的订单不会被猜成“直接购买”；迟到是指支付 72 小时以后才收到的订单事件；"
        "未采集是指通道读不到全部消息的群。",
        "见各行",
        "qunyun doctor",
    ),
}


@dataclass(slots=True)
class Footnotes:
    """Numbers footnotes in the order in which a sheet first uses them."""

    days: Days
    band: Days
    month: Days
    used: list[str] = field(default_factory=list)

    def number(self, key: str) -> int:
        """The footnote's number; the same key keeps its number."""
        if key not in self.used:
            self.used.append(key)
        return self.used.index(key) + 1

    def notes(self) -> tuple[Note, ...]:
        """Every footnote used so far, in order."""
        return tuple(
            Note(number, term, definition, denominator, self._command(command))
            for number, (term, definition, denominator, command) in enumerate(
                (TEXTS[key] for key in self.used), 1
            )
        )

    def _command(self, command: str) -> str:
        return command.format(
            **{
                name: f"--since {days.since} --until {days.until}"
                for name, days in (
                    ("span", self.days),
                    ("band", self.band),
                    ("month", self.month),
                )
            },
            week=f"{self.days.since:%G-W%V}",
            last_week=f"{self.days.since - dt.timedelta(weeks=1):%G-W%V}",
        )
