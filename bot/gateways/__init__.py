"""Every implementation of `bot.gateway.Gateway`, and how a URL names one.

wechaty://TOKEN@HOST:PORT   a wechaty puppet-service gateway (docs/decisions/0002)
manual://NAME               people post by hand (docs/operations.md)
wecom-robot://KEY           a group robot of 企业微信, for digests and alerts
feishu-robot://KEY?secret=  one of 飞书
dingtalk-robot://TOKEN?secret=  one of 钉钉
memory://NAME               a community in this process
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from urllib.parse import SplitResult, unquote, urlsplit

from bot import errors, gateway
from bot.gateways import manual, memory


def open_gateway(
    url: str,
    *,
    clock: Callable[[], datetime],
    rng: random.Random,
    send_timeout: float = 15,
) -> gateway.Gateway:
    """The gateway that one URL of QUNYUN_GATEWAYS names; it connects when `events` is called.

    Raises InvalidInput for a URL that names none. `send_timeout` is in seconds.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "memory" if parts.netloc:
            return memory.MemoryGateway(parts.netloc, clock=clock)
        case "memory":
            raise _invalid("memory:// 缺少名字", "写成 memory://NAME,例如 memory://demo")
        case "wechaty":
            return _wechaty(parts, clock=clock, rng=rng, send_timeout=send_timeout)
        case "manual" if parts.netloc:
            return manual.ManualGateway(parts.netloc, clock=clock)
        case "manual":
            raise _invalid("manual:// 缺少名字", "写成 manual://NAME,例如 manual://wechat")
        case scheme if scheme.endswith("-robot"):
            # Imported here, like wechaty: few installations have one.
            from bot.gateways.robots import robot  # noqa: PLC0415

            return robot.open_robot(parts, clock=clock, send_timeout=send_timeout)
        case _:
            # The rest of the URL is left out: it may hold a token.
            raise _invalid(
                f"不认识的通道 {parts.scheme or '(空)'}",
                "写成 wechaty://TOKEN@HOST:PORT、manual://NAME 或 memory://NAME",
            )


def _wechaty(
    parts: SplitResult,
    *,
    clock: Callable[[], datetime],
    rng: random.Random,
    send_timeout: float,
) -> gateway.Gateway:
    try:
        port = parts.port
    except ValueError:
        port = None
    if not (parts.username and parts.hostname and port):
        raise _invalid("wechaty:// 缺少令牌、主机或端口", "写成 wechaty://TOKEN@HOST:PORT")
    # Imported here: whoever runs without wechaty does not wait for it to load.
    from bot.gateways import wechaty  # noqa: PLC0415

    return wechaty.WechatyGateway(
        unquote(parts.username),
        parts.hostname,
        port,
        clock=clock,
        rng=rng,
        patience=wechaty.Patience(send=send_timeout),
    )


def _invalid(problem: str, remedy: str) -> errors.InvalidInput:
    return errors.InvalidInput(errors.Fault("QUNYUN_GATEWAYS", 0, "", problem, remedy))
