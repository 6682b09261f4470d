"""What `qunyun bench all` measures, with which sizes, and which figure was asked of it."""

from collections.abc import Iterator

from bot.bench.report.runs import REPEATS, Figure, Run, Section

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
ON_POSTGRESQL = ("--database", "postgresql")
# Worlds of 300 rooms; those of 1,200 take much longer and are measured apart.
SMALL_WORLDS = "ordinary-80,ordinary-15,placebo-80,placebo-15,strong,volatile,outside-events"
LARGE_WORLDS = "large,outside-events-large,weak-prompt-large"


def every() -> Iterator[Run]:
    """All runs, in the order of the document."""
    for section in SECTIONS:
        for _, run in section.runs:
            yield run


def _both(
    name: str,
    sizes: tuple[str, ...],
    quick: tuple[str, ...],
    *,
    repeats: int = REPEATS,
    apart: bool = False,
) -> tuple[tuple[str, Run], ...]:
    """The same on both databases."""
    return (
        (SQLITE, Run(f"{name}-sqlite", sizes, quick, repeats, apart)),
        (
            POSTGRESQL,
            Run(
                f"{name}-postgresql", (*sizes, *ON_POSTGRESQL), (*quick, *ON_POSTGRESQL),
                repeats, apart,
            ),
        ),
    )  # fmt: skip


def _entering(
    named: str, minutes: tuple[str, ...], *, apart: bool = False
) -> tuple[tuple[str, Run], ...]:
    """By the spool and by the stream."""
    quick = ("--minutes", "0.05", "--rooms", "50", "--flood", "1000", "--client", "0")
    return tuple(
        (
            f"{at}, {minutes[-1]} min",
            Run(
                f"stress-{at}{named}",
                ("stress", "--at", at, *minutes),
                ("stress", "--at", at, *quick),
                repeats=1,
                apart=apart,
            ),
        )
        for at in ("spool", "stream")
    )


BESIDE = (
    Figure("baseline in the same run, a second", "baseline_per_second"),
    Figure("ratio to the baseline", "ratio"),
)
SEGMENT = Section(
    "Words of real sentences",
    "Every message cut on its own, one core; jieba in the same process is the baseline. The"
    " sentences are not in the project: give files with `--corpus`.",
    (
        (
            "no database",
            Run("segment", ("segment",), ("segment",), corpus=True),
        ),
    ),
    (
        Figure("messages a second", "per_second", (250_000,), at_least=True),
        Figure("jieba in the same run, a second", "baseline_per_second"),
        Figure("ratio to jieba", "ratio", (10,), at_least=True),
        Figure(
            "messages cut as jieba cuts them, part of 1",
            "engines.rjieba.equal_to_jieba", (0.9999,), at_least=True,
        ),
    ),
)  # fmt: skip
INGEST = Section(
    "From log line to committed rows",
    "Segmentation, signals, mentions of 100,000 names, and counters included. The baseline inserts"
    " the same messages into one bare table through the driver and understands nothing.",
    _both("ingest", ("ingest", "--messages", "100000"), ("ingest", "--messages", "5000")),
    (
        Figure("messages a second", "per_second", (25_000, 20_000), at_least=True),
        *BESIDE,
        Figure("messages a second of our processor", "per_processor_second"),
        Figure("ratio to jieba's cutting alone", "ratio_to_jieba"),
        Figure("the database grows by, bytes a message", "bytes_a_message"),
        Figure("peak memory, MB", "peak_rss_mb", (400,)),
    ),
)
GATEWAY = Section(
    "A burst through the real node gateway",
    "The baseline is the raw client: as many loads in flight, without order, names or topics.",
    (
        (
            "node gateway",
            Run(
                "gateway", ("gateway", "--messages", "10000"), ("gateway", "--messages", "1000")
            ),
        ),
    ),
    (
        Figure("messages a second", "per_second", (2_500,), at_least=True),
        *BESIDE,
        Figure("lost", "lost", (0,)),
        Figure("out of order inside a room", "inversions", (0,)),
        Figure("event loop late at most, ms", "loop_lag_ms_max", (50,)),
        Figure("of it our own work, ms", "loop_busy_ms_max"),
        Figure("memory grown, MB", "rss_growth_mb"),
    ),
)  # fmt: skip
PLAN = Section(
    "One tick of the planner",
    "200 series, 10,000 rooms, 400,000 deliveries of earlier weeks; 2,000 posts become due,"
    " rendering included. The baseline inserts the same rows ready-made through the driver. The"
    " preview is every post of 90 days of the same calendar.",
    _both(
        "plan",
        ("plan", "--rooms", "10000", "--series", "200"),
        ("plan", "--rooms", "2000", "--series", "40", "--history", "1000"),
    ),
    (
        Figure("a tick with 2,000 due, ms", "plan_ms", (100, 200)),
        Figure("a tick with nothing due, ms", "idle_tick_ms", (5,)),
        Figure("planned by the same tick again", "planned_again", (0,)),
        Figure("preview of 90 days, s", "preview_s", (5,)),
        Figure("posts planned a second", "per_second"),
        *BESIDE,
    ),
)
DELIVER = Section(
    "Claims, durable commits, a reply's wait",
    "20,000 due posts among 400,000 old ones, claimed in batches of 20: by one process on SQLite,"
    " by four on PostgreSQL. The baseline claims as many rows of a bare table in one process."
    " Read `begin and settle` beside the fsync of the last table.",
    (
        (
            SQLITE,
            Run(
                "deliver-sqlite",
                ("deliver", "--workers", "1"),
                ("deliver", "--workers", "1", "--deliveries", "1000", "--history", "1000"),
            ),
        ),
        (
            POSTGRESQL,
            Run(
                "deliver-postgresql",
                ("deliver", "--workers", "4", *ON_POSTGRESQL),
                (
                    "deliver", "--workers", "4", "--deliveries", "1000", "--history", "1000",
                    *ON_POSTGRESQL,
                ),
            ),
        ),
    ),
    (
        Figure("claimed a second", "claim_per_second", (10_000, 5_000), at_least=True),
        *BESIDE,
        Figure("claimed by two", "claimed_twice", (0,)),
        Figure("begin and settle, a second, one at a time", "send_commit_per_second"),
        Figure("a reply waits, median, ms", "reply_wait_ms"),
        Figure("a reply waits, at most, ms", "reply_wait_ms_max", (50,)),
    ),
)  # fmt: skip
SHARES = Section(
    "What attribution says where the truth is planted",
    "Points of the organic share; the share by lags is the headline. Worlds of 300 rooms with 20"
    " seeds, worlds of 1,200 rooms with 5. The worlds are ours: no proof of how a real community"
    " behaves (docs/attribution.md).",
    (
        (
            "300 rooms",
            Run(
                "shares",
                (
                    "attribution", "--worlds", SMALL_WORLDS, "--seeds", "20",
                    "--skip-tables", "--skip-speed",
                ),
                (
                    "attribution", "--worlds", "placebo-15", "--seeds", "1",
                    "--skip-tables", "--skip-speed",
                ),
                repeats=1,
            ),
        ),
        (
            "1,200 rooms",
            Run(
                "shares-large",
                (
                    "attribution", "--worlds", LARGE_WORLDS, "--seeds", "5",
                    "--skip-tables", "--skip-speed",
                ),
                (
                    "attribution", "--worlds", "ordinary-15", "--seeds", "1",
                    "--skip-tables", "--skip-speed",
                ),
                repeats=1,
                apart=True,
            ),
        ),
    ),
    (
        Figure("intervals that hold the truth, part of 1", "pooled.waves.coverage", (0.9,), True),
        Figure("their median width, points", "pooled.waves.width", (12,)),
        Figure("of the mirror, part of 1", "pooled.mirror.coverage"),
        Figure("their median width, points", "pooled.mirror.width"),
    ),
)  # fmt: skip
ATTRIBUTE = Section(
    "How long attribution takes",
    "About 60,000 orders over 500,000 mentions in a real database, reading and writing included;"
    " processor time has the server's, too.",
    _both(
        "attribute", ("attribution", "--speed"), ("attribution", "--speed"), repeats=1
    ),
    (
        Figure("an order, µs", "speed.us_an_order", (50,)),
        Figure("an order, µs of processor", "speed.cpu_us_an_order"),
        Figure("all orders, s", "speed.attribute_s", (3,)),
        Figure("the same again, s", "speed.again_s"),
        Figure("the share, s", "speed.share_s"),
    ),
)  # fmt: skip
DIGEST = Section(
    "A Monday morning",
    "2,000 rooms that said 1.12 million messages. Topics are a nightly job of their own.",
    _both(
        "digest",
        ("digest", "--rooms", "2000", "--messages", "1120000"),
        ("digest", "--rooms", "40", "--messages", "10000"),
        repeats=1,
        apart=True,
    ),
    (
        Figure("gather every room's figures, s", "gather_s", (3,)),
        Figure("the first time, s", "first_gather_s"),
        Figure("Markdown and HTML of every room, s", "render_s", (60,)),
        Figure("one card, s", "png_s", (0.3,)),
        Figure("topics of the week, s", "topics_s"),
        Figure("peak memory, MB", "peak_rss_mb", (500,)),
    ),
)
CONSOLE = Section(
    "Every page of the console",
    "2,000 rooms, 2 million messages; twenty loads of each page one after the other, by an"
    " administrator. The baseline is a page that asks the database nothing.",
    _both(
        "console",
        ("console", "--rooms", "2000", "--messages", "2000000"),
        ("console", "--rooms", "40", "--messages", "10000"),
        repeats=1,
        apart=True,
    ),
    (
        Figure("slowest page, p95, ms", "pages.*.p95_ms", (150,)),
        Figure("slowest page, median, ms", "pages.*.p50_ms"),
        Figure("most statements of a page", "pages.*.queries"),
        Figure("first view, bytes", "first_view_bytes", (400_000,)),
        Figure("fifteen tabs, MB", "tabs_mb", (30,)),
        Figure("slowest page, loads a second", "per_second"),
        *BESIDE,
    ),
)
STRESS = Section(
    "A day of 32 million messages",
    "370 messages a second in the mean, 3,700 for three seconds of every minute, into PostgreSQL:"
    " through the spool on disk and through a NATS stream; then 30,000 at once, whose rate stands"
    " beside the driver's. The gateway client is what one account can hear at most.",
    (
        *_entering("", ("--minutes", "1")),
        *_entering("-10", ("--minutes", "10"), apart=True),
    ),
    (
        Figure("lag, median, s", "lag_s.p50"),
        Figure("lag, p99, s", "lag_s.p99"),
        Figure("lag at most, s", "lag_s.most", (5,)),
        Figure("lost", "lost", (0,)),
        Figure("doubled", "doubled", (0,)),
        Figure("30,000 at once, a second", "per_second"),
        *BESIDE,
        Figure("the gateway client alone, a second", "gateway_client.per_second"),
    ),
)
SECTIONS = (SEGMENT, INGEST, GATEWAY, STRESS, PLAN, DELIVER, SHARES, ATTRIBUTE, DIGEST, CONSOLE)
