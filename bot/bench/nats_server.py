"""A real NATS server with JetStream, from the wheel: for the bench and for the fault tests."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from bot.errors import Fault, GatewayUnavailable, InvalidInput

PATIENCE_SECONDS = 30.0
GLANCE_SECONDS = 0.02


def program() -> str | None:
    """The server's binary, beside this interpreter; None where it is absent."""
    return shutil.which("nats-server", path=str(Path(sys.executable).parent))


class NatsServer:
    """One server on loopback whose streams lie in `folder`; what it acknowledged is on disk.

    It may be killed and started again on the same port.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What QUNYUN_STREAM_URL would say."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The running server's process."""
        if self._process is None:
            raise GatewayUnavailable("nats-server 没有启动")
        return self._process.pid

    def start(self) -> None:
        """Start, or start again; answers on return. Raises InvalidInput where it is absent."""
        found = program()
        if found is None:
            raise InvalidInput(Fault("nats-server", 0, "", "没有安装", "请先运行 make install"))
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self._port}"\n'
            f'jetstream {{ store_dir: "{self._folder}", sync_interval: always }}\n'
        )
        self._process = subprocess.Popen(  # noqa: S603 (our own server, our own arguments)
            [found, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise GatewayUnavailable("nats-server 没有启动")
            time.sleep(GLANCE_SECONDS)

    def kill(self) -> None:
        """SIGKILL. Safe to repeat."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        with socket.socket() as tried:
            tried.settimeout(1)
            return tried.connect_ex(("127.0.0.1", self._port)) == 0


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
