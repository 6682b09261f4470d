"""From a claimed delivery to a settled one: one gateway call, never a second by itself."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from bot import database, errors, leases, outbox, pacing
from bot.errors import GatewayUnavailable, QunyunError, SendRefused, SendUncertain
from bot.gateway import Gateway, Image, Post
from bot.outbox import Claimed
from bot.pacing import Pace

log = logging.getLogger(__name__)


class LeaseLost(QunyunError):
    """Another process owns the account now; its id is the first argument."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A delivery whose SENDING is on disk: from here on it may have arrived. `at` is seconds of
    a clock that nobody sets.
    """

    delivery_id: int
    post: Post
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Sender:
    """One account that this process owns, and the pace it keeps; pictures lie in `attachments`."""

    account_id: int
    epoch: int
    gateway: Gateway
    pace: Pace
    timeout: float
    attachments: Path = Path("attachments")


def begin_next(engine: Engine, sender: Sender, now: dt.datetime) -> Begun | dt.datetime | None:
    """Claim and begin the next delivery: two commits, so that a claim alone is never mistaken
    for a sending.

    A moment means that pacing lets nothing go before it; None that nothing is due. Raises
    LeaseLost.
    """
    with database.transaction(engine) as session:
        claimed = _claim(session, sender, now)
    if not isinstance(claimed, Claimed):
        return claimed
    with database.transaction(engine, durable=True) as session:
        post = outbox.begin(session, claimed.id, sender.epoch, now)
    return Begun(claimed.id, post) if post is not None else None


def _claim(session: Session, sender: Sender, now: dt.datetime) -> Claimed | dt.datetime | None:
    if not leases.renew(session, sender.account_id, sender.epoch, now):
        raise LeaseLost(sender.account_id)
    slot = pacing.slot(session, sender.account_id, now, sender.pace)
    if now < min(slot.ready_at, slot.room_ready_at):
        return min(slot.ready_at, slot.room_ready_at)
    claimed = outbox.claim(
        session,
        sender.account_id,
        sender.epoch,
        now,
        room_id=slot.room_id if now < slot.ready_at else None,
        resting_rooms=pacing.resting_rooms(session, now, sender.pace),
        alerts_only=slot.spent_until is not None,
    )
    if claimed:
        return claimed[0]
    return slot.ready_at if now < slot.ready_at else slot.spent_until


async def hand_over(sender: Sender, begun: Begun) -> Callable[[Session, dt.datetime], bool]:
    """Make the one call; returns how to settle the delivery, to be run with a session and now."""
    key, epoch = begun.delivery_id, sender.epoch
    try:
        post = await asyncio.to_thread(_with_picture, begun.post, sender.attachments)
        _refuse_if_late(sender, begun)
        async with asyncio.timeout(sender.timeout):
            message_id = await sender.gateway.send(post)
    except GatewayUnavailable as error:
        reason = f"通道连不上:{error}"
        return lambda session, now: outbox.not_handed_over(session, key, epoch, reason, now)
    except SendRefused as error:
        reason = str(error)
        if error.throttled:
            rest = error.rest
            return lambda session, now: outbox.throttled(session, key, epoch, reason, now, rest)
        gone = error.gone
        return lambda session, _: outbox.refused(session, key, epoch, reason, gone=gone)
    except (SendUncertain, TimeoutError) as error:
        reason = f"已交给通道,未收到回执{f':{error}' if str(error) else ''}"
        return lambda session, _: outbox.unanswered(session, key, epoch, reason)
    except Exception as error:  # noqa: BLE001  # a gateway's bug: the post may have arrived
        log.error("delivery %d: %s", key, errors.where(error))  # noqa: TRY400
        reason = f"通道程序出错:{type(error).__name__}"
        return lambda session, _: outbox.unanswered(session, key, epoch, reason)
    return lambda session, now: outbox.sent(session, key, message_id, now)


def _refuse_if_late(sender: Sender, begun: Begun) -> None:
    """Raise GatewayUnavailable where this process slept: it may be thought dead, and an operator
    may have had the delivery sent again.
    """
    if time.monotonic() - begun.at > sender.timeout:
        raise GatewayUnavailable("进程停顿太久,没有交给通道")


def _with_picture(post: Post, folder: Path) -> Post:
    """The post with its picture's bytes. Raises SendRefused where the file cannot be read."""
    if post.image is None:
        return post
    try:
        content = (folder / post.image.name).read_bytes()
    except OSError as error:
        raise SendRefused(f"图片 {post.image.name} 读不出来:{error.strerror}") from error
    return replace(post, image=Image(post.image.name, content))
