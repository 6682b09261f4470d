"""An installation per test: short in the suite, long where QUNYUN_FAULTS=long (`make faults`)."""

import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import database
from bot.bench import node_gateway
from tests import parts
from tests.faults.installation import Installation

LONG = os.environ.get("QUNYUN_FAULTS") == "long"
ROOMS, STEPS = (20, 10) if LONG else (6, 6)
MEMBERS = 3
log = logging.getLogger(__name__)


@pytest.fixture
def chance() -> random.Random:
    """Chance, from a seed that a failure shows; QUNYUN_FAULTS_SEED repeats it."""
    seed = int(os.environ.get("QUNYUN_FAULTS_SEED") or random.randrange(1_000_000))
    log.warning("QUNYUN_FAULTS_SEED=%d", seed)
    return random.Random(seed)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[node_gateway.NodeGateway]:
    """A gateway to do harm to, with a journal on disk."""
    absent = node_gateway.missing()
    parts.require("node", absent is None, f"{absent}; run `make install`")
    running = node_gateway.NodeGateway(
        rooms=ROOMS, members=MEMBERS, journal=tmp_path / "journal.jsonl"
    )
    running.launch()
    yield running
    running.kill()


@pytest.fixture
def installation(
    database_url: str, tmp_path: Path, node: node_gateway.NodeGateway, chance: random.Random
) -> Iterator[Installation]:
    """A database and a gateway; nothing planned, no process running."""
    made = Installation(
        database_url, database.connect(database_url, pooled=False), tmp_path, node,
        tmp_path / "journal.jsonl", rooms=ROOMS, members=MEMBERS, steps=STEPS, chance=chance,
    )  # fmt: skip
    yield made
    made.end()
