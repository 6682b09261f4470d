"""The console's style sheet of charts is that of the digests, under a class of its own."""

from pathlib import Path

import bot.charts
from bot.charts import palette
from bot.console.rendering import STATIC

OURS = (STATIC / "charts.css").read_text("utf-8")
THEIRS = (Path(bot.charts.__file__).parent / "templates" / "charts.css").read_text("utf-8")


def test_every_tone_has_its_colour_by_day_and_in_the_dark() -> None:
    day, night = OURS.split('[data-bs-theme="dark"] .drawn')
    for tone in (*palette.TONES, "ink", "soft", "mark"):
        assert f"--{tone}: {palette.LIGHT[tone]};" in day
        assert f"--{tone}: {palette.DARK[tone]};" in night


def test_every_rule_of_the_digests_stands_under_the_class() -> None:
    for line in filter(None, THEIRS.splitlines()):
        rule = line.partition("{ ")[2].removesuffix(" }") if line.startswith("@") else line
        assert f".drawn {rule}" in OURS
