"""The plan as a Markdown table, a column for each number of rooms, as docs/scaling.md has it."""

from collections.abc import Iterator, Mapping, Sequence

from bot.bench.report import page

ROWS = (
    ("messages a second, mean of the day", "mean_per_second"),
    ("… of the busiest hour", "busiest_per_second"),
    ("… of its three-second bursts", "burst_per_second"),
    ("one recording process busy in that hour, part of 1", "busy"),
    ("lag p99 with 1 worker, s", "lag_s.1.p99"),
    ("lag at most with 1 worker, s", "lag_s.1.most"),
    ("lag at most with 2, s", "lag_s.2.most"),
    ("lag at most with 4, s", "lag_s.4.most"),
    ("recording processes needed (at most 5 s)", "workers"),
    ("ten minutes without a database, one worker catches up in, minutes", "after_outage_minutes"),
    ("accounts", "accounts"),
    ("processes that hold them", "gateway_processes"),
    ("a post to every room, p99, minutes", "post_window_minutes"),
    ("posts a second, all accounts at once", "posts_a_second"),
    ("… as part of what one connection commits", "posts_busy"),
    ("disk, GB a day", "disk_gb_a_day"),
    ("disk, GB for as long as texts are kept", "disk_gb"),
    ("topics of a week, hours of one process", "topics_hours"),
    ("digests of a week, hours of one process", "digest_hours"),
)


def lines(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """The rows of the table; `rows` are those of `needs.needed`."""
    counts = [page.value(each, "rooms") or 0 for each in rows]
    yield f"| rooms | {' | '.join(page.shown(each) for each in counts)} |"
    yield "|---|" + "--:|" * len(rows)
    for label, path in ROWS:
        found = [page.value(each, path) for each in rows]
        cells = ["more" if each is None else page.shown(each) for each in found]
        yield f"| {label} | {' | '.join(cells)} |"
