"""Drives tests/gateway/server.mjs: a real puppet-service gateway in a process of its own.

For the bench and for the contract tests: it is killed, frozen and brought back like a real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from bot import errors

FOLDER = Path(__file__).parents[2] / "tests" / "gateway"
TOKEN = "puppet_test_token"  # noqa: S105 (the token of a gateway on loopback)


def missing() -> str | None:
    """What keeps the node gateway from running here; None where it can."""
    if _node() is None:
        return "没有 node"
    if not (FOLDER / "node_modules" / "wechaty-puppet-service").is_dir():
        return f"{FOLDER} 里没有 node_modules"
    return None


class NodeGateway:
    """One gateway with `rooms` rooms of `members` people, on loopback.

    With `journal`, what was said and sent is on disk before anybody hears of it: a JSON object a
    line, {"said" or "sent": id, "room", "text", "at": ms}. Rooms are called `room1@chatroom` …,
    people `wxid_ROOM_NUMBER`, our account `me`; with `offset` rooms are counted from there on.
    """

    def __init__(
        self,
        *,
        rooms: int = 3,
        members: int = 5,
        journal: Path | None = None,
        offset: int = 0,
        me: str = "wxid_bot",
    ) -> None:
        self._journal = journal
        self._offset = offset
        self._me = me
        self._rooms = rooms
        self._members = members
        self._port = 0
        self._control = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What QUNYUN_GATEWAYS would say."""
        return f"wechaty://{TOKEN}@127.0.0.1:{self._port}"

    @property
    def address(self) -> tuple[str, str, int]:
        """Token, host and port."""
        return TOKEN, "127.0.0.1", self._port

    async def start(self, *, first: int = 1) -> None:
        """`launch`, without holding the event loop."""
        await asyncio.to_thread(self.launch, first=first)

    def launch(self, *, first: int = 1) -> None:
        """Start, or start again on the same ports; message ids count from `first`.

        Raises InvalidInput where node or its packages are absent.
        """
        node, absent = _node(), missing()
        if node is None or absent is not None:
            raise errors.InvalidInput(
                errors.Fault("tests/gateway", 0, "", absent or "没有 node", "请先运行 make install")
            )
        self._process = subprocess.Popen(  # noqa: S603 (our own server, our own arguments)
            [
                *(node, str(FOLDER / "server.mjs"), "--token", TOKEN, "--first", str(first)),
                *("--rooms", str(self._rooms), "--members", str(self._members)),
                *("--offset", str(self._offset), "--me", self._me),
                *("--port", str(self._port), "--control", str(self._control)),
                *(("--journal", str(self._journal)) if self._journal else ()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "WECHATY_LOG": "silent"},
        )
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            self.kill()
            raise errors.GatewayUnavailable(
                "测试通道没有启动,请运行 tests/gateway/server.mjs 看原因"
            )
        ready = json.loads(line)
        self._port, self._control = ready["port"], ready["control"]

    async def ask(self, command: str, **body: object) -> dict[str, object]:
        """Run one command of server.mjs."""
        # Straight to loopback whatever proxy the environment names, and without certificates.
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:  # noqa: S501
            answer = await client.post(
                f"http://127.0.0.1:{self._control}/{command}", content=json.dumps(body)
            )
        answer.raise_for_status()
        found = answer.json()
        return found if isinstance(found, dict) else {"list": found}

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL; `start` brings it back on the same ports. Safe to repeat."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("the gateway is not running")
        self._process.send_signal(number)


def _node() -> str | None:
    """The machine's node, else the wheel's beside this interpreter."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
