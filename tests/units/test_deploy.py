"""What an operator copies from deploy/ names things that exist."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_unit_starts_a_command_that_exists_where_it_may_write() -> None:
    unit = (ROOT / "deploy" / "qunyun@.service").read_text(encoding="utf-8")
    assert re.search(r"^ExecStart=/srv/qunyun/\.venv/bin/qunyun run$", unit, re.MULTILINE)
    told = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "ReadWritePaths=/var/lib/qunyun" in unit
    assert "QUNYUN_HOME=/var/lib/qunyun/one" in told


def test_a_command_gets_the_settings_of_a_process_as_systemd_reads_them(tmp_path: Path) -> None:
    for folder in ("deploy", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "as", tmp_path / "deploy")
    program = tmp_path / ".venv" / "bin" / "qunyun"
    program.write_text('#!/bin/sh\necho "$QUNYUN_STANDBY_GATEWAYS|$QUNYUN_QUIET_HOURS|$1"\n')
    program.chmod(0o755)
    told = tmp_path / "one.env"
    # No shell reads it: a blank ends nothing, and nothing is run.
    told.write_text("# two\nQUNYUN_STANDBY_GATEWAYS=a://T@b:1 c://$(id)@d:2\nQUNYUN_QUIET_HOURS=")

    def run(file: Path) -> subprocess.CompletedProcess[str]:
        command = [str(tmp_path / "deploy" / "as"), str(file), "doctor"]
        environ = {"PATH": os.environ["PATH"]}
        return subprocess.run(command, env=environ, check=False, capture_output=True, text=True)

    assert run(told).stdout == "a://T@b:1 c://$(id)@d:2||doctor\n"
    absent = run(tmp_path / "two.env")
    assert absent.returncode == 2
    assert "two.env" in absent.stderr
