"""What is to be sent, before it is a delivery and when it is one."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from bot.gateway import Image, Link, MiniProgram, Post
from bot.models import DeliveryKind, DeliveryState


class Tracked(NamedTuple):
    """The short link in a text: its code and where it leads."""

    code: str
    target: str


class Intent(NamedTuple):
    """One post to one room, rendered and checked: what `outbox.plan` makes a PENDING delivery of.

    `key` names the intent; planning the same key again changes nothing. A smaller `priority`
    goes first. `image` is a file's name, `card` a link or a mini program as `gateway` writes it.
    `refused` says why it cannot go out: it is written down all the same. `link` stands in the
    text, to be made before it goes out.
    A tuple, since thousands are made at once.
    """

    key: str
    kind: DeliveryKind
    room_id: int
    account_id: int | None
    text: str
    due_at: dt.datetime
    expires_at: dt.datetime
    priority: int = 1
    series_id: int | None = None
    occurrence_id: int | None = None
    step: str | None = None
    mentions: Sequence[str] = ()
    mention_all: bool = False
    image: str | None = None
    card: Mapping[str, str] | None = None
    topic: str | None = None
    variant: str | None = None
    refused: str | None = None
    link: Tracked | None = None


def as_row(intent: Intent, now: dt.datetime) -> dict[str, object]:
    """The delivery of an intent planned `now`; CANCELLED where it is refused."""
    return {
        "key": intent.key,
        "kind": intent.kind,
        "state": DeliveryState.PENDING if intent.refused is None else DeliveryState.CANCELLED,
        "priority": intent.priority,
        "series_id": intent.series_id,
        "occurrence_id": intent.occurrence_id,
        "step": intent.step,
        "room_id": intent.room_id,
        "account_id": intent.account_id,
        "text": intent.text,
        "mentions": list(intent.mentions),
        "mention_all": intent.mention_all,
        "image": intent.image,
        "card": intent.card,
        "topic": intent.topic,
        "variant": intent.variant,
        "planned_at": now,
        "due_at": intent.due_at,
        "expires_at": intent.expires_at,
        "attempts": 0,
        "reason": intent.refused,
        # What could not be made now may be once the calendar has changed.
        "withdrawn": intent.refused is not None,
    }


def as_post(delivery: Row[Any], room: str) -> Post:
    """What a gateway is handed for a delivery; a picture's bytes are still to be read."""
    card = delivery.card or {}
    return Post(
        room=room,
        text=delivery.text,
        mentions=tuple(delivery.mentions or ()),
        mention_all=delivery.mention_all,
        image=Image(delivery.image, b"") if delivery.image else None,
        link=Link(**card) if "url" in card else None,
        mini_program=MiniProgram(**card) if "app" in card else None,
    )


def content(delivery: Row[Any]) -> str:
    """The words that a delivery's echo will carry, or what names its picture or card."""
    card = delivery.card or {}
    link = f"{card['title']}\n{card['url']}" if "url" in card else ""
    return delivery.text or link or delivery.image or json.dumps(card, sort_keys=True)
