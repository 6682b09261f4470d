"""Serve the console: in a thread with a loop of its own, so that sending never waits for a page."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import uvicorn
from fastapi import FastAPI

from bot.console import guard
from bot.console.page import Console
from bot.errors import Fault, InvalidInput
from bot.settings import Settings

SETTLED_SECONDS = 3
PATIENCE_SECONDS = 10


@contextlib.contextmanager
def serving(app: FastAPI, settings: Settings) -> Iterator[str]:
    """Answer requests until the block is left; gives the address to open.

    Raises InvalidInput where the port is taken, or passwords would cross a network in the clear.
    """
    check(settings)
    bound = _bind(settings.console_host, settings.console_port)
    config = uvicorn.Config(
        app,
        log_config=None,
        # A path may hold a one-time link.
        access_log=False,
        log_level="warning",
        server_header=False,
        lifespan="off",
        proxy_headers=settings.console_tls,
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=SETTLED_SECONDS,
    )
    server = uvicorn.Server(config)
    console: Console = app.state.console

    started: Future[asyncio.AbstractEventLoop] = Future()

    async def run() -> None:
        started.set_result(asyncio.get_running_loop())
        await server.serve(sockets=[bound])

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="console")
    thread.start()
    loop = started.result()
    try:
        yield address(settings, bound.getsockname()[1])
    finally:
        server.should_exit = True
        loop.call_soon_threadsafe(console.changes.stop)
        thread.join(PATIENCE_SECONDS)
        bound.close()


def check(settings: Settings) -> None:
    """Raises InvalidInput where the console would listen beyond this machine without TLS."""
    if _is_loopback(settings.console_host) or settings.console_tls or settings.console_without_tls:
        return
    raise InvalidInput(
        Fault(
            "QUNYUN_CONSOLE_HOST", 0, "",
            f"{settings.console_host} 不是本机地址，密码会明文经过网络",
            "前面放 HTTPS 反向代理并设 QUNYUN_CONSOLE_TLS=true;只在可信内网里用时设 "
            "QUNYUN_CONSOLE_WITHOUT_TLS=true",
        )
    )  # fmt: skip


def address(settings: Settings, port: int) -> str:
    """Where the console is; behind a proxy only its owner knows the name."""
    if settings.console_tls:
        return "https://域名"
    host = settings.console_host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return host in guard.LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name: only what is surely this machine counts.
        return False


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only of a socket that says TCP does asyncio turn off the wait for a fuller packet (40 ms).
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # From now on whoever has the address may come, and waits a moment at most.
        bound.listen()
    except OSError as error:
        bound.close()
        problem = f"端口 {port} 用不了({error.strerror})"
        remedy = "换一个端口(QUNYUN_CONSOLE_PORT 或 --port)"
        raise InvalidInput(Fault("QUNYUN_CONSOLE_PORT", 0, "", problem, remedy)) from error
    bound.set_inheritable(False)
    return bound
