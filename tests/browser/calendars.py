"""Series to look at, taken in and approved as an import would."""

from bot import database
from content_calendar import calendar_file, contact, interchange
from tests.browser.desk import Desk

SERIES = """
  - key: {key}
    name: {name}
    kind: {kind}
    starts: 2026-11-02
    ends: 2026-12-31
    recurrence: {{weekly: [周二]}}
    at: "20:00"
    audience: {{verticals: [{vertical}]}}
    late_by_minutes: 180
    steps:
      - {{name: 开场, text: "{text}"{rest}}}
      - {{name: 总结, at: "21:30", text: "今天就到这里，下周二见"}}
"""


def take_in(
    desk: Desk,
    key: str,
    vertical: str,
    *,
    name: str = "宝妈问题解答日",
    kind: str = "问题解答日",
    text: str = "{{ room }}的问题解答日开始啦",
    rest: str = "",
    approved: bool = True,
) -> None:
    """A series that posts on Tuesdays at 20:00 and at 21:30."""
    written = SERIES.format(key=key, name=name, kind=kind, vertical=vertical, text=text, rest=rest)
    source = f"version: 1\nzone: Asia/Shanghai\nseries:{written}"
    calendar = calendar_file.read(source.encode(), "calendar.yaml", "Asia/Shanghai")
    now = desk.clock()
    with database.transaction(desk.engine) as session:
        changes = interchange.take_in(session, calendar.series, "小林", now)
        if approved:
            interchange.approve(session, changes, "小林", now, contact.rules(desk.settings))
