"""What members say all the time, and what the calendar posts every third minute.

Fifteen messages a second over 300 rooms are 4,300 a room and day, some thirty times what a lively
room says; 300 posts every three minutes are 2,000 an hour and account.
"""

import asyncio
import contextlib
import datetime as dt
import json
import random

import httpx

from bot import database
from bot.settings import Settings
from content_calendar import calendar_file, contact, interchange
from tests.saying import SHANGHAI
from tests.soak.fleet import MANY, QUESTION, ROOMS, Fleet

EVERY_SECONDS = 1.0
SAID_AT_ONCE = 5
TALK = (
    "今天天气不错",
    "打卡",
    "这款好用吗?",
    "我家宝宝也是",
    "收到",
    "分享一下我的心得",
    "在哪里买?",
    "哈哈哈",
)
# One in so many things said is the question that has an answer.
ASKED = 40
POSTED_MINUTES = 3


async def talk(fleet: Fleet, gateway: int, chance: random.Random) -> None:
    """Members of one gateway's rooms talk until they are stopped; a gateway that is away is
    waited for.
    """
    while True:
        texts = [chance.choice(TALK) for _ in range(SAID_AT_ONCE)]
        if not chance.randrange(ASKED // SAID_AT_ONCE):
            texts[0] = QUESTION
        with contextlib.suppress(httpx.HTTPError):
            await fleet.gateways[gateway].ask(
                "burst", messages=SAID_AT_ONCE, rooms=ROOMS, start=chance.randrange(ROOMS),
                texts=texts,
            )  # fmt: skip
        await asyncio.sleep(EVERY_SECONDS)


def plan(fleet: Fleet, minutes: int, now: dt.datetime) -> None:
    """A series that posts to every room every third of so many minutes, each text once."""
    first = now.astimezone(SHANGHAI).replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    day = first.date()
    steps = []
    for n in range(0, max(1, minutes - 1), POSTED_MINUTES):
        at = first + dt.timedelta(minutes=n)
        steps.append(
            {
                "name": f"第{n + 1}步", "days": (at.date() - day).days, "at": f"{at:%H:%M}",
                "text": f"{{{{ room }}}}的第 {n + 1} 分钟",
            }
        )  # fmt: skip
    calendar = {
        "version": 1,
        "series": [
            {
                "key": "soak", "name": "每分钟", "kind": "自定义", "starts": day.isoformat(),
                "ends": day.isoformat(), "recurrence": {"dates": [day.isoformat()]},
                "at": f"{first:%H:%M}", "audience": {"all": True}, "late_by_minutes": 600,
                "steps": steps,
            }
        ],
    }  # fmt: skip
    read = calendar_file.read(json.dumps(calendar).encode(), "calendar.yaml", "Asia/Shanghai")
    settings = Settings(_env_file=None, quiet_hours=None, posts_per_room_day=int(MANY))
    with database.transaction(fleet.engine) as session:
        changes = interchange.take_in(session, read.series, "小李", now)
        interchange.approve(session, changes, "小李", now, contact.rules(settings))
