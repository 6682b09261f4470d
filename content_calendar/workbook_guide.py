"""The guide that every calendar workbook carries: how to fill in each column."""

from collections.abc import Iterator

from content_calendar import templates
from content_calendar.workbook_columns import RULES, SHEETS

TITLE = "说明"
HEADERS = ("表", "列", "英文名", "怎么填", "例子")

SHEET_HELP = {
    "series": "一行一个栏目",
    "steps": "一行一步,每个栏目至少一步,按先后写",
    "texts": "可以不填。同一步对不同的群说不同的话时用,一行一段",
    "settings": "整个文件的设置,一般不用改",
}
COLUMN_HELP = {
    "series.key": "定了就不要改,不能有空格和冒号",
    "series.name": "栏目的名称",
    "series.kind": "从列表里选",
    "series.starts": "第一天",
    "series.ends": "最后一天,也算在内",
    "series.recurrence": "从列表里选,每一种怎么写见下面的“规则”",
    "series.rule": "按规则类型写,见下面的“规则”",
    "series.also": "规则之外再加哪几天",
    "series.at": "几点发,群所在地的钟点",
    "series.zone": "不填就用群的时区",
    "series.default_zone": "群没有写时区时用",
    "series.holidays": "照常、跳过,或顺延到下一个工作日;不填就是照常",
    "series.audience.verticals": "发给这些垂类的群",
    "series.audience.tags": "只发给带其中一个标签的群",
    "series.audience.accounts": "只发给其中一个账号的群",
    "series.audience.owners": "只发给其中一人负责的群",
    "series.audience.members.min": "只发给至少这么多人的群",
    "series.audience.members.max": "只发给至多这么多人的群",
    "series.audience.messages_a_day.min": "只发给近 28 天日均至少这么多条的群",
    "series.audience.messages_a_day.max": "只发给近 28 天日均至多这么多条的群",
    "series.audience.rooms": "按群 ID 另外加的群",
    "series.audience.exclude": "最后按群 ID 去掉的群",
    "series.audience.exclude_tags": "最后去掉带这些标签的群",
    "series.audience.exclude_verticals": "最后去掉这些垂类的群",
    "series.audience.all": "填“是”就发给所有群;除了排除,不再填其他条件",
    "series.priority": "1 到 9,大的优先;不填就是 5",
    "series.late_by_minutes": "最多晚发几分钟,过时不补;不填就到当天静默时段为止",
    "series.topic.draw": "填了话题或商品时,选随机或轮换",
    "series.topic.pool": "从这些话题里抽",
    "series.topic.products": "从这些商品编码里抽,和话题只填一种",
    "series.skip": "跳过哪几期,写原定日期",
    "series.move": "原定日期→新日期,一行一个;写成 -> 也可以",
    "steps.series": "“栏目”表里的代号",
    "steps.name": "这一步的名字,同一栏目里不能重复",
    "steps.days": "-1 是前一天,1 是后一天;不填就是当天",
    "steps.at": "不填就同栏目",
    "steps.text": f"要发的话,可以换行。可用变量:{'、'.join(templates.NAMES)},写成 {{{{ 变量 }}}}",
    "steps.image": "附件文件夹里的文件名",
    "steps.link.title": "发链接卡片时填",
    "steps.link.url": "以 https:// 开头",
    "steps.link.description": "卡片上的小字",
    "steps.link.image": "图片的网址",
    "steps.mini_program.app": "发小程序卡片时填,appid",
    "steps.mini_program.title": "卡片的标题",
    "steps.mini_program.path": "打开哪一页,不填就是首页",
    "steps.mini_program.image": "图片的网址",
    "steps.target": "文字里写了 {{ link }} 时填:这个短链接通到哪里,以 https:// 开头",
    "steps.mention_all": "填“是”就 @所有人",
    "texts.series": "“栏目”表里的代号",
    "texts.step": "“步骤”表里这一步的名字",
    "texts.use": "垂类、群:对它另说;轮换:和原文轮着说;对比:A/B 对比的另一组(原文是 A)",
    "texts.name": "垂类名、群 ID 或组名(B、C……);轮换不用填",
    "texts.text": "要发的话",
    "settings.item": "版本或时区",
    "settings.value": "版本写 1;时区是群和栏目都没有写时用的",
}
NOTES = (
    ("多个名字", "用顿号、逗号、| 或换行(Alt+Enter)隔开", "宝妈育儿、美妆"),
    ("名字里的符号", '名字里就有这些符号时加英文引号,例如 "甲、乙"', '宝妈育儿、"美妆,护肤"'),
    ("日期", "2026-11-04、2026/11/4、2026年11月4日都可以", "2026-11-04"),
    ("公式", "不要写公式;从别处复制时选“粘贴为数值”", ""),
    ("表头", "不要改名;先后可以换,不用的列可以删,必填的除外", ""),
)


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """The guide, row by row, as HEADERS say."""
    for sheet in SHEETS:
        yield f"【{sheet.title}】", "", sheet.name, SHEET_HELP[sheet.name], ""
        for column in sheet.columns:
            said = COLUMN_HELP[f"{sheet.name}.{column.name}"]
            must = "必填。" if column.required else ""
            yield sheet.title, column.header, column.name, must + said, column.example
    yield "【规则】", "", "recurrence", "规则类型选它时,“规则”这样写", ""
    for word, rule in RULES.items():
        yield "规则", word, rule.name, "", rule.example
    yield "【写法】", "", "", "所有的表都一样", ""
    for what, said, example in NOTES:
        yield "写法", what, "", said, example
