"""Every page of the console in the order of its menu; a page that is not built yet is left out."""

from dataclasses import dataclass

from bot.console.roles import ADMIN, OPERATOR, VIEWER
from bot.models import OperatorRole


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; `key` after `g` leads there; `count` names what waits there."""

    path: str
    title: str
    icon: str
    role: OperatorRole
    key: str
    count: str = ""


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("/", "总览", "home", VIEWER, "o"),
            Entry("/boards", "看板", "chart", VIEWER, "v"),
            Entry("/digests", "周报", "digest", VIEWER, "z"),
        ),
    ),
    (
        "等人回应",
        (
            Entry("/questions", "问答台", "question", VIEWER, "q", "questions"),
            Entry("/complaints", "投诉", "complaint", VIEWER, "k", "complaints"),
        ),
    ),
    (
        "内容",
        (
            Entry("/calendar", "内容日历", "calendar", VIEWER, "c"),
            Entry("/series", "栏目", "series", VIEWER, "s"),
            Entry("/approvals", "审批", "approve", VIEWER, "p", "approvals"),
            Entry("/topics", "话题与需求", "topic", VIEWER, "j"),
        ),
    ),
    (
        "社群",
        (
            Entry("/rooms", "群", "rooms", VIEWER, "r"),
            Entry("/people", "用户", "people", VIEWER, "y"),
            Entry("/orders", "订单与归因", "cart", VIEWER, "b"),
            Entry("/experiments", "实验", "experiment", VIEWER, "e"),
            Entry("/labels", "标注", "check", OPERATOR, "n"),
        ),
    ),
    (
        "发送",
        (
            Entry("/deliveries", "发送队列", "send", VIEWER, "d", "uncertain"),
            Entry("/todo", "手工发送", "hand", OPERATOR, "m", "todo"),
        ),
    ),
    (
        "接入",
        (
            Entry("/accounts", "账号连接", "plug", VIEWER, "a"),
            Entry("/data", "数据导入导出", "data", OPERATOR, "i"),
            Entry("/webhooks", "事件推送", "webhook", ADMIN, "w"),
        ),
    ),
    (
        "管理",
        (
            Entry("/settings", "设置", "settings", VIEWER, "t"),
            Entry("/operators", "操作员与角色", "people", ADMIN, "u"),
            Entry("/privacy", "隐私", "shield", ADMIN, "f"),
            Entry("/audit", "审计", "audit", ADMIN, "l"),
            Entry("/help", "帮助", "help", VIEWER, "h"),
        ),
    ),
)
