"""What an operator copies from deploy/ names things that exist."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_alert_rules_name_figures_that_are_shown() -> None:
    rules = (ROOT / "deploy" / "prometheus-rules.yaml").read_text(encoding="utf-8")
    (group,) = yaml.safe_load(rules)["groups"]
    shown = (ROOT / "bot" / "console" / "pages" / "programs.py").read_text(encoding="utf-8")
    known = set(re.findall(r'_gauge\(\s*registry,\s*"(\w+)"', shown))
    named = {name for rule in group["rules"] for name in re.findall(r"qunyun_(\w+)", rule["expr"])}
    assert {"spool_lag_seconds", "deliveries"} <= named
    assert named <= known


def test_the_unit_starts_a_command_that_exists_where_it_may_write() -> None:
    unit = (ROOT / "deploy" / "qunyun@.service").read_text(encoding="utf-8")
    assert re.search(r"^ExecStart=/srv/qunyun/\.venv/bin/qunyun run$", unit, re.MULTILINE)
    told = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "ReadWritePaths=/var/lib/qunyun" in unit
    assert "QUNYUN_HOME=/var/lib/qunyun/one" in told
