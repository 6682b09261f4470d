"""Real Chinese sentences laid out as a log, against a count that shares no code with ours.

`QUNYUN_MESSAGES=50000` asks for the long form.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot import database, exports, message_log, rebuilding
from tests.saying import local, rules

SHARED = Path(__file__).parents[3] / "shared"
CORPORA = ("crosswoz_val.jsonl", "jddc_sample.txt", "lccc_toy_train.txt", "sms_zh.txt")
MESSAGES = os.environ.get("QUNYUN_MESSAGES", "4000")


def test_real_messages_are_counted_to_the_last_one(engine: Engine, tmp_path: Path) -> None:
    if not (SHARED / "tools" / "make_log.py").is_file():
        pytest.skip("the shared corpora are not beside the project")
    log, truth = tmp_path / "log.jsonl", tmp_path / "truth.csv"
    subprocess.run(
        [
            sys.executable, str(SHARED / "tools" / "make_log.py"),
            *(str(SHARED / "data" / name) for name in CORPORA),
            "--messages", MESSAGES, "--out", str(log), "--truth", str(truth),
        ],
        check=True,
    )  # fmt: skip
    first, second = (message_log.replay(engine, log, rules(engine)) for _ in range(2))
    assert (first.accepted, second.accepted) == (int(MESSAGES), 0)
    with truth.open(encoding="utf-8", newline="") as lines:
        told = {(row["room"], row["day"], row["sender"]): int(row["messages"])
                for row in csv.DictReader(lines)}  # fmt: skip
    with database.reading(engine) as session:
        counted = {
            (room, str(day), sender): messages
            for room, day, sender, messages, *_ in exports.engagement(session, None, None)
        }
    assert counted == told
    checked = rebuilding.check(engine, rules(engine), local("2026-12-01"))
    assert all(one.agrees for one in checked)
