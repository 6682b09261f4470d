"""What is held of a person as files that they can read: tables with Chinese titles, and a key."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot import csv_files

# The file of each part, in the order in which the key lists them.
TITLES: Mapping[str, str] = {
    "contact": "账号和名字",
    "identity": "身份",
    "identity_edge": "身份的依据",
    "message": "消息",
    "message_version": "消息的另一个版本",
    "membership": "进群和退群",
    "daily_count": "每天的数字",
    "member_week": "每周的数字",
    "signal": "消息的判断",
    "mention": "提到的商品",
    "need_mention": "消息里的需求",
    "profile": "画像",
    "profile_tag": "标签和依据",
    "invitation": "抽选",
    "short_link": "专属短链接",
    "open_question": "待答问题",
    "complaint": "投诉",
    "order_line": "订单",
    "order_event": "订单的来历",
    "attribution": "订单的归因",
    "attribution_evidence": "归因的依据",
    "digest": "引用了你的周报",
    "delivery": "引用了你的帖子",
    "picked_question": "被挑选的问题",
    "faq": "引用了你的常见问题",
}
COLUMNS: Mapping[str, str] = {
    "account_id": "听到的账号", "amount": "金额(分)", "answers": "回答", "at": "时间(UTC)",
    "buyer": "买家号(加密)", "channel": "渠道", "contact_id": "成员编号", "day": "日期",
    "due_at": "期限", "effective_messages": "有效消息", "joined_at": "进群时间", "key": "编号",
    "kind": "种类", "label": "归因", "left_at": "退群时间", "message_id": "消息编号",
    "messages": "消息数", "name": "名字", "order_id": "订单号", "paid_at": "支付时间",
    "phone": "手机号(加密)", "platform_id": "平台编号", "product_id": "商品编号",
    "product_mentions": "提到商品", "quantity": "数量", "questions": "提问",
    "quoted": "引用的话", "role": "角色", "room_id": "群", "scope": "范围", "shares": "分享",
    "state": "状态", "status": "状态", "tag": "标签", "target": "对象", "text": "原文",
    "type": "类型", "url": "通到", "week": "周", "weight": "权重", "why": "依据",
}  # fmt: skip
EVERYTHING, KEY = "全部.json", "说明.txt"

Cell = str | int | None


def write(folder: Path, told: Mapping[str, object]) -> int:
    """Write what was told, a file a table, readable by nobody else; returns how many files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = _room_names(told)
    lines = ["这里是系统里关于一个人的全部数据。手机号和买家号只存了加密后的样子,还原不了。", ""]
    for table, title in TITLES.items():
        rows = told.get(table)
        if isinstance(rows, list) and rows:
            columns = list(dict.fromkeys(name for row in rows for name in row))
            header = [COLUMNS.get(name, name) for name in columns]
            _private(folder / f"{title}.csv")
            with (folder / f"{title}.csv").open("wb") as target:
                csv_files.write(target, header, (_cells(row, columns, names) for row in rows))
            lines.append(f"{title}.csv  {len(rows)} 行")
    lines += ["", f"{EVERYTHING} 是同样的内容,给程序读。"]
    _private(folder / EVERYTHING)
    (folder / EVERYTHING).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    _private(folder / KEY)
    (folder / KEY).write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return len(lines) - 2


def _private(path: Path) -> None:
    path.touch(mode=0o600)


def _room_names(told: Mapping[str, object]) -> dict[str, str]:
    rooms = told.get("rooms")
    return {
        str(id): str(room["topic"] or room["platform_id"])
        for id, room in (rooms.items() if isinstance(rooms, dict) else ())
    }


def _cells(
    row: Mapping[str, object], columns: Sequence[str], names: Mapping[str, str]
) -> list[Cell]:
    return [_cell(name, row.get(name), names) for name in columns]


def _cell(name: str, value: object, names: Mapping[str, str]) -> Cell:
    if name == "room_id":
        return names.get(str(value), str(value))
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " | ".join(value)
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
