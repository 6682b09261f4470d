"""What a large community sells: products that are named, order lines with their labels and what
stands behind each, a short link in every room, and an experiment that runs.
"""

import datetime as dt
from itertools import cycle, islice

from sqlalchemy import Engine, select
from sqlmodel import Session

from bot import database
from bot.bench import large
from bot.bench.large import DAY, DAYS, NOW, ROWS
from bot.insights import trials
from bot.insights.trials import Cell, Proposal
from bot.models import (
    Attribution,
    AttributionEvidence,
    Click,
    ClickKind,
    ExperimentKind,
    Grade,
    Label,
    Mention,
    Message,
    OrderLine,
    OrderStatus,
    Product,
    ShortLink,
    Touch,
)

PRODUCTS = 20
LINES_A_ROOM, TOUCHES = 5, 4
# One message in so many names a product.
NAMING = 10
LABELS = (Label.DIRECT, Label.ORGANIC, Label.DIRECT, Label.PROMO, Label.UNKNOWN, Label.OUT)
EXPERIMENT, WEEKS = "实验-大社群", 4


def furnish(engine: Engine, rooms: int) -> None:
    """Orders of the last 28 days, beside what `large.furnish` has put there."""
    with database.transaction(engine) as session:
        products = [
            {
                "id": n,
                "sku": f"D{n}",
                "name": f"商品{n}",
                "category": f"品类{n % 5}",
                "price": 9_900,
            }
            for n in range(1, PRODUCTS + 1)
        ]
        database.insert_rows(session, Product, products)
        said = _mentions(session)
        _orders(session, rooms, said)
        _links(session, rooms)
        _experiment(session, rooms)


def _mentions(session: Session) -> list[dict[str, object]]:
    """Every tenth message names a product; they are returned."""
    message = database.table(Message)
    named = select(
        *(message.c[name] for name in ("day", "room_id", "id", "at", "contact_id"))
    ).where(message.c.id % NAMING == 0)
    rows = [
        {
            "day": row.day, "room_id": row.room_id, "message_id": row.id, "at": row.at,
            "product_id": row.id // NAMING % PRODUCTS + 1, "contact_id": row.contact_id,
            "touch": Touch.ORGANIC, "rule_version": 1,
        }
        for row in session.connection().execute(named)
    ]  # fmt: skip
    for start in range(0, len(rows), ROWS):
        database.insert_rows(session, Mention, rows[start : start + ROWS])
    return rows


def _orders(session: Session, rooms: int, said: list[dict[str, object]]) -> None:
    lines = range(1, rooms * LINES_A_ROOM + 1)
    paid = [_line(n) for n in lines]
    told = [_told(n, rooms) for n in lines]
    touches = cycle(said)
    met = [
        {
            "order_line_id": n, "position": place, "touch": Touch.ORGANIC, "grade": Grade.B,
            "room_id": one["room_id"], "message_id": one["message_id"], "at": one["at"],
            "weight": 200_000,
        }
        for n in lines
        for place, one in enumerate(islice(touches, TOUCHES))
    ]  # fmt: skip
    for model, rows in ((OrderLine, paid), (Attribution, told), (AttributionEvidence, met)):
        for start in range(0, len(rows), ROWS):
            database.insert_rows(session, model, rows[start : start + ROWS])


def _paid_at(n: int) -> dt.datetime:
    return NOW - dt.timedelta(minutes=1 + n * 37 % (DAYS * 24 * 60))


def _line(n: int) -> dict[str, object]:
    return {
        "id": n, "order_id": f"O{n:08}", "line_no": 1, "product_id": n % PRODUCTS + 1,
        "quantity": 1, "amount": 9_900, "refunded": 0, "paid_at": _paid_at(n),
        "status": OrderStatus.PAID, "sources": "bench", "updated_at": _paid_at(n), "channel": "",
    }  # fmt: skip


def _told(n: int, rooms: int) -> dict[str, object]:
    label = LABELS[n % len(LABELS)]
    weighed = label not in (Label.UNKNOWN, Label.OUT)
    return {
        "order_line_id": n, "label": label, "possible": label is Label.DIRECT and n % 4 == 0,
        "room_id": n % rooms + 1 if label in (Label.ORGANIC, Label.PROMO) else None,
        "ppm_organic": 400_000 if weighed else None, "ppm_promo": 100_000 if weighed else None,
        "ppm_base": 500_000 if weighed else None, "final": _paid_at(n) < NOW - 3 * DAY,
        "sealed": False, "rule_version": 1, "calibration": 0, "inputs_hash": "", "computed_at": NOW,
    }  # fmt: skip


def _links(session: Session, rooms: int) -> None:
    """A link a room; each was followed three times, once by a program."""
    links = [
        {
            "code": f"b{n:06}", "url": "https://shop.example.com", "note": "", "room_id": n,
            "made_by": "bench", "made_at": NOW - DAYS * DAY, "people": 2, "previews": 1,
            "unlogged": 0,
        }
        for n in range(1, rooms + 1)
    ]  # fmt: skip
    kinds = (ClickKind.PERSON, ClickKind.PERSON, ClickKind.PREVIEW)
    clicks = [
        {"code": f"b{n:06}", "at": _paid_at(n + 1000 * place), "kind": kind}
        for n in range(1, rooms + 1)
        for place, kind in enumerate(kinds)
    ]
    database.insert_rows(session, ShortLink, links)
    database.insert_rows(session, Click, clicks)


def _experiment(session: Session, rooms: int) -> None:
    """A holdout in its fourth week: an eighth of the cells go without."""
    starts = large.LAST_WEEK - 2 * trials.WEEK
    cells = [
        Cell(room, room % PRODUCTS + 1, starts + week * trials.WEEK,
             trials.HOLD if (room + week) % 8 == 0 else trials.POST, "")
        for room in range(1, rooms + 1)
        for week in range(WEEKS)
    ]  # fmt: skip
    proposal = Proposal(
        EXPERIMENT, ExperimentKind.HOLDOUT, 1, starts, WEEKS, str(large.ZONE), 0.125, 7
    )
    before = NOW - (DAYS + 7) * DAY
    trials.propose(session, proposal, cells, "bench", before)
    trials.start(session, EXPERIMENT, "bench", before, before.date())
