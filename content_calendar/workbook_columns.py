"""The sheets and columns of a calendar workbook.

A column stands for one field of the calendar file, named by its path (`audience.verticals`): a new
field of the file needs a line here, and one in workbook_guide that tells how to fill it in. Headers
can be Chinese or the English name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from content_calendar import definition
from content_calendar import workbook_cells as cells
from content_calendar.workbook_cells import Form


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field it holds, its header, how its cells are written and read."""

    name: str
    header: str
    form: Form
    example: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of rows. `groups` names the column that speaks for a field without its own, and
    `words` says what such fields are called.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    required: bool = False
    groups: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of a name."""
        return next(column for column in self.columns if column.name == name)

    def meant_by(self, header: str) -> Column | None:
        """The column that a header means: Chinese, the whole path, or the path's unique end."""
        whole = [each for each in self.columns if header in {each.header, each.name}]
        ends = [each for each in self.columns if each.name.rpartition(".")[2] == header]
        return whole[0] if whole else ends[0] if len(ends) == 1 else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of recurrence: its field in the calendar file, and the cell that holds the rest,
    which says several things or one.
    """

    name: str
    form: Form
    example: str
    several: bool = True


MONTH_DAY = Form(lambda day: "最后一天" if day == "last" else str(day), cells.month_day)
RULES = {
    "每周": Rule("weekly", cells.NAMES, "周三、周六"),
    "每月": Rule("monthly", MONTH_DAY, "15 或 最后一天", several=False),
    "每隔几天": Rule("every_days", cells.WORD, "10", several=False),
    "指定日期": Rule("dates", cells.DATES, "2026-12-12、2027-01-01"),
    "RRULE": Rule("rrule", cells.TEXT, "FREQ=MONTHLY;BYDAY=2TU", several=False),
    "农历": Rule("lunar", replace(cells.NAMES, read=cells.lunar_days), "08-15 或 12-last"),
    "节日": Rule("festival", cells.NAMES, "双11、618"),
}
RULE_KINDS = cells.choice({word: rule.name for word, rule in RULES.items()})
# What stands in the cell beside the kind of rule depends on that kind.
ANY_RULE = Form(str, cells.plain, width=24)
KINDS = Form(str, cells.word, tuple(definition.KINDS))
HOLIDAYS = cells.choice({"照常": "keep", "跳过": "skip", "顺延": "next_workday"})
DRAWS = cells.choice({"随机": "random", "轮换": "rotate"})
# Whom a text of its own is for, and the field of the step that holds it.
USED_BY = {"垂类": "texts", "群": "rooms", "轮换": "rotate", "对比": "ab"}
USES = cells.choice(USED_BY)
# Wordings that take turns have no names.
IN_TURN = "rotate"
ITEMS = cells.choice({"版本": "version", "时区": "zone"})

SERIES = Sheet(
    "series",
    "栏目",
    (
        Column("key", "代号", cells.WORD, "qa-mother-baby", required=True),
        Column("name", "名称", cells.TEXT, "宝妈问题解答日", required=True),
        Column("kind", "类型", KINDS, "问题解答日", required=True),
        Column("starts", "开始日期", cells.DATE, "2026-11-02", required=True),
        Column("ends", "结束日期", cells.DATE, "2028-10-31", required=True),
        Column("recurrence", "规则类型", RULE_KINDS, "每周", required=True),
        Column("rule", "规则", ANY_RULE, "周三", required=True),
        Column("also", "另加日期", cells.DATES, "2026-11-11"),
        Column("at", "时间", cells.CLOCK, "20:00", required=True),
        Column("zone", "时区", cells.TEXT, "Asia/Shanghai"),
        Column("default_zone", "备用时区", cells.TEXT, "Asia/Shanghai"),
        Column("holidays", "节假日", HOLIDAYS, "照常"),
        Column("audience.verticals", "垂类", cells.NAMES, "宝妈育儿、美妆"),
        Column("audience.tags", "标签", cells.NAMES, "核心群"),
        Column("audience.accounts", "账号", cells.NAMES, "小群1号"),
        Column("audience.owners", "负责人", cells.NAMES, "小李"),
        Column("audience.members.min", "人数最少", cells.NUMBER, "20"),
        Column("audience.members.max", "人数最多", cells.NUMBER, "500"),
        Column("audience.messages_a_day.min", "日均消息最少", cells.NUMBER, "10"),
        Column("audience.messages_a_day.max", "日均消息最多", cells.NUMBER, "2000"),
        Column("audience.rooms", "另加群", cells.NAMES, "room1@chatroom"),
        Column("audience.exclude", "排除群", cells.NAMES, "room9@chatroom"),
        Column("audience.exclude_tags", "排除标签", cells.NAMES, "测试群"),
        Column("audience.exclude_verticals", "排除垂类", cells.NAMES, "内部"),
        Column("audience.all", "所有群", cells.FLAG, "是"),
        Column("priority", "优先级", cells.NUMBER, "5"),
        Column("late_by_minutes", "最晚几分钟", cells.NUMBER, "120"),
        Column("topic.draw", "话题抽取", DRAWS, "随机"),
        Column("topic.pool", "话题", cells.NAMES, "辅食、睡眠"),
        Column("topic.products", "商品", cells.NAMES, "SKU-1、SKU-2"),
        Column("skip", "跳过", cells.DATES, "2026-12-23"),
        Column("move", "改期", cells.MOVES, "2027-01-06→2027-01-07"),
    ),
    required=True,
    groups={"audience": "audience.all", "topic": "topic.pool"},
    words={"steps": "步骤"},
)

STEPS = Sheet(
    "steps",
    "步骤",
    (
        Column("series", "栏目", cells.WORD, "qa-mother-baby", required=True),
        Column("name", "步骤", cells.WORD, "预告", required=True),
        Column("days", "提前或推后几天", cells.NUMBER, "-1"),
        Column("at", "时间", cells.CLOCK, "19:00"),
        Column("text", "文字", cells.LONG_TEXT, "明天({{ weekday }})见~"),
        Column("image", "图片", cells.TEXT, "opening.png"),
        Column("link.title", "链接标题", cells.TEXT, "本周直播"),
        Column("link.url", "链接地址", cells.TEXT, "https://example.com/live"),
        Column("link.description", "链接说明", cells.TEXT, "晚上八点"),
        Column("link.image", "链接图片", cells.TEXT, "https://example.com/a.png"),
        Column("mini_program.app", "小程序", cells.TEXT, "wx1234567890"),
        Column("mini_program.title", "小程序标题", cells.TEXT, "报名入口"),
        Column("mini_program.path", "小程序页面", cells.TEXT, "pages/join"),
        Column("mini_program.image", "小程序图片", cells.TEXT, "https://example.com/b.png"),
        Column("target", "跳转网址", cells.TEXT, "https://example.com/p/1"),
        Column("mention_all", "@所有人", cells.FLAG, "是"),
    ),
    required=True,
    groups={"link": "link.title", "mini_program": "mini_program.title", "ab": "name"},
    words={"texts": "垂类文案", "rooms": "群文案", "rotate": "轮换", "ab": "对比"},
)

TEXTS = Sheet(
    "texts",
    "文案",
    (
        Column("series", "栏目", cells.WORD, "qa-mother-baby", required=True),
        Column("step", "步骤", cells.WORD, "开场", required=True),
        Column("use", "用于", USES, "垂类", required=True),
        Column("name", "名称", cells.TEXT, "美妆"),
        Column("text", "文字", cells.LONG_TEXT, "今天来晒空瓶吧。", required=True),
    ),
    words={"text": "步骤里的文字", "ab": "对比"},
)

SETTINGS = Sheet(
    "settings",
    "设置",
    (
        Column("item", "项目", ITEMS, "时区", required=True),
        Column("value", "内容", cells.TEXT, "Asia/Shanghai", required=True),
    ),
)

SHEETS = (SERIES, STEPS, TEXTS, SETTINGS)
