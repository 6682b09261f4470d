"""The processes of one run: who records, who feeds, what is between; what each of them takes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine

from bot import database
from bot.bench.nats_server import NatsServer
from bot.bench.stress.profile import Profile
from bot.errors import GatewayUnavailable

PATIENCE_SECONDS = 60.0
GLANCE_SECONDS = 0.1
ROOT = Path(__file__).parents[3]


@dataclass(slots=True)
class Parts:
    """What runs. `others` are servers by name; the first of ours is asked for its spool."""

    feeder: subprocess.Popen[bytes]
    ours: list[subprocess.Popen[bytes]]
    others: Mapping[str, int]
    home: Path

    def say(self, at: float, first: int, messages: int | None) -> None:
        """Have messages said from `at` on (seconds since the epoch)."""
        order = {"at": at, "first": first, "messages": messages}
        assert self.feeder.stdin is not None  # noqa: S101  # a pipe was asked for
        self.feeder.stdin.write(json.dumps(order).encode() + b"\n")
        self.feeder.stdin.flush()

    def taken(self) -> int:
        """Wait for the end of what was ordered: how many messages were taken in all."""
        assert self.feeder.stderr is not None  # noqa: S101  # a pipe was asked for
        # What it logs stands there as well.
        for line in self.feeder.stderr:
            if line.strip().isdigit():
                return int(line)
        raise GatewayUnavailable("压测的喂入进程中断了")

    def processor(self) -> dict[str, float]:
        """Processor seconds so far of what records, of the feeder, and of each server."""
        return {
            "ours": sum(_processor(each.pid) for each in self.ours),
            "feeder": _processor(self.feeder.pid),
            **{name: _processor(pid) for name, pid in self.others.items()},
        }

    def rss_mb(self) -> list[float]:
        """The memory of each process that records."""
        return [
            round(psutil.Process(each.pid).memory_info().rss / 2**20, 1)
            for each in self.ours
        ]  # fmt: skip


@contextmanager
def running(
    engine: Engine, home: Path, wanted: Profile, rooms: int, at: str, workers: int
) -> Iterator[Parts]:
    """Everything of one run at work; `at` is spool or stream. Nothing of it runs afterwards."""
    others = _server(engine)
    with ExitStack() as ends:
        stream = NatsServer(home / "nats") if at == "stream" else None
        if stream is not None:
            ends.callback(stream.kill)
            stream.start()
            others["nats"] = stream.pid
        where = {
            "QUNYUN_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "QUNYUN_STREAM_URL": stream.url if stream is not None else "",
        }
        feeding = {"profile": asdict(wanted), "rooms": rooms, "stream": where["QUNYUN_STREAM_URL"]}
        feeder = _started(
            ends, home / "feeder", where, "bot.bench.stress.feeder", json.dumps(feeding)
        )
        if stream is None:
            ours = [_started(ends, home / "one", where, "bot.bench.stress.fed", feeder=feeder)]
        else:
            where["QUNYUN_PARTS"] = "ingest"
            ours = [
                _started(ends, home / f"worker{n}", where, "bot", "run") for n in range(workers)
            ]
        _wait_for(ours, home)
        yield Parts(feeder, ours, others, home)


def _started(
    ends: ExitStack,
    home: Path,
    where: Mapping[str, str],
    *program: str,
    feeder: subprocess.Popen[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    home.mkdir()
    settings = {"QUNYUN_HOME": str(home), "QUNYUN_PARTS": "gateways,planner", **where}
    feeds = program[0].endswith("feeder")
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own program, our own arguments)
            [sys.executable, "-m", *program], env=os.environ | settings, cwd=ROOT,
            stdin=subprocess.PIPE if feeds else feeder.stdout if feeder else subprocess.DEVNULL,
            stdout=subprocess.PIPE if feeds else log, stderr=subprocess.PIPE if feeds else log,
        )  # fmt: skip
    ends.callback(_ended, process)
    return process


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _wait_for(ours: Sequence[subprocess.Popen[bytes]], home: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    paths = [path for path in home.glob("*/log.txt") if path.parent.name != "feeder"]
    while not all(map(_is_ready, logs := [path.read_text(encoding="utf-8") for path in paths])):
        if time.monotonic() > deadline or any(each.poll() is not None for each in ours):
            raise GatewayUnavailable("记录进程没有启动:" + logs[0][-500:])
        time.sleep(GLANCE_SECONDS)


def _is_ready(log: str) -> bool:
    return "is online" in log or "recording shard" in log


def _server(engine: Engine) -> dict[str, int]:
    """The process id of the PostgreSQL server, which is a process of this machine."""
    if engine.dialect.name == "sqlite":
        return {}
    with database.reading(engine) as session:
        found = session.connection().exec_driver_sql("SHOW data_directory").scalar_one()
    lines = (Path(str(found)) / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    return {"postgresql": int(lines[0])}


def _processor(pid: int) -> float:
    """Seconds of a process and of all that it started, those that ended included."""
    process = psutil.Process(pid)
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
