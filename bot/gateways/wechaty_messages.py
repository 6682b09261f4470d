"""What wechaty's numbers and words mean in ours, and our posts in wechaty's words. Pure."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime

from bot import errors, gateway
from bot.gateways import wechaty_link

# wechaty-puppet 1.x, schemas/message.ts; names of ours where the message log has one.
TYPES = (
    "unknown",
    "file",
    "voice",
    "contact",
    "chat_history",
    "emoticon",
    "image",
    "text",
    "location",
    "mini_program",
    "group_note",
    "transfer",
    "red_packet",
    "recall",
    "link",
    "video",
    "post",
)

# Types whose `text` is what somebody wrote; for the others puppets put XML or nothing there.
WRITTEN = frozenset({"text", "unknown", "group_note"})

# A number this large is in milliseconds: in seconds it would be the year 5138.
_MILLISECONDS_FROM = 100_000_000_000

_THROTTLED = re.compile(
    r"频繁|过快|风控|稍后再试|too (?:many|fast|frequent)|rate.?limit|throttl", re.I
)
_GONE = re.compile(
    r"移出.{0,4}群|不在.{0,4}群|群.{0,4}(?:不存在|解散)|not in (?:the |this )?room"
    r"|(?:room|conversation|chat).{0,40}(?:not found|not exist|dissolved)|no such room",
    re.I,
)
_UNSETTLED = re.compile(r"超时|time[d]?.?out|ETIMEDOUT|ECONNRESET", re.I)
# In the words of wechaty's own puppets and of those that speak Chinese.
_LOGGED_OUT = re.compile(r"not (?:yet )?log(?:ged)?[ -]?(?:in|on)\b|(?:未|没有)登[录陆]", re.I)
TAKEN = "另一个程序占用着这个账号,请先停掉它"
_REFUSALS = {
    "UNAUTHENTICATED": "通道不认这个令牌,请核对 QUNYUN_GATEWAYS",
    "ALREADY_EXISTS": TAKEN,
}
_RECALLED_ID = re.compile(r"<newmsgid>(\d+)</newmsgid>")


def said(
    payload: wechaty_link.Payload,
    *,
    text: str | None,
    topic: str | None,
    name: str | None,
    me: str,
    account: str,
    now: datetime,
) -> gateway.Said:
    """A message in our words. `text` is given for links, whose payload holds XML."""
    type = type_name(payload.type)
    return gateway.Said(
        id=payload.id,
        room=payload.room,
        sender=payload.talker,
        at=at(payload.at, now),
        type=type,
        text=payload.text if type in WRITTEN else text,
        topic=topic,
        name=name,
        mentions=payload.mentions,
        recalls=recalled_id(payload.text) if type == "recall" else None,
        own=payload.talker == me,
        account=account,
    )


def type_name(number: int) -> str:
    """The message log's word for a type; a number that is not known yet keeps itself."""
    return TYPES[number] if 0 <= number < len(TYPES) else f"type_{number}"


def at(number: int, now: datetime) -> datetime:
    """Seconds or milliseconds since the epoch, as whole seconds; `now` for what is no time."""
    seconds = number // 1000 if number >= _MILLISECONDS_FROM else number
    if not 0 < seconds < _MILLISECONDS_FROM:
        return now.replace(microsecond=0)
    return datetime.fromtimestamp(seconds, UTC)


def recalled_id(text: str) -> str | None:
    """The message that a recall takes back: wechaty gives its id, some puppets WeChat's XML."""
    found = _RECALLED_ID.search(text)
    return found.group(1) if found else text.strip() or None


def packed(content: gateway.Image | gateway.Link | gateway.MiniProgram) -> str:
    """A picture or a card as the gateway takes it: wechaty's own names, in JSON.

    What is empty is left out, so that a puppet sees an absent picture as absent.
    """
    match content:
        case gateway.Image():
            # A FileBox; wechaty's own class for it warns on every use.
            encoded = base64.b64encode(content.content).decode()
            return json.dumps(
                {"name": content.name, "boxType": 1, "base64": encoded, "metadata": {}}
            )
        case gateway.Link():
            card = {
                "title": content.title,
                "url": content.url,
                "description": content.description,
                "thumbnailUrl": content.image,
            }
        case gateway.MiniProgram():
            # WeChat's user names of mini programs (gh_…@app) look like no appid (wx…).
            named = "username" if content.app.startswith("gh_") else "appid"
            card = {
                named: content.app,
                "title": content.title,
                "pagePath": content.path,
                "thumbUrl": content.image,
            }
    return json.dumps({name: value for name, value in card.items() if value})


def refusal(status: str, reason: str) -> errors.QunyunError:
    """The error of a send that the gateway answered with no.

    A puppet that itself got no answer does not know whether the post arrived, nor do we; one that
    is not logged in had nobody to hand it to.
    """
    if status == "UNAUTHENTICATED":
        return errors.GatewayUnavailable(_REFUSALS[status])
    if _LOGGED_OUT.search(reason):
        return errors.GatewayUnavailable("账号未登录")
    if status in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"} or _UNSETTLED.search(reason):
        return errors.SendUncertain(f"通道没有得到平台的答复:{reason}")
    return errors.SendRefused(
        reason or status,
        throttled=bool(_THROTTLED.search(reason)),
        gone=bool(_GONE.search(reason)),
    )


def why_out(error: BaseException | None) -> str:
    """Why a connection ended, for a person; never the gateway's words, which hold the token."""
    match error:
        case wechaty_link.Refused():
            return _REFUSALS.get(error.status, f"通道拒绝了连接({error.status})")
        case wechaty_link.Unreachable():
            return "通道连不上"
        case wechaty_link.Unanswered():
            return "通道断开或没有答复"
        case _:
            return "通道出错"
