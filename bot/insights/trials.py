"""The life of an experiment: proposed with its draws written down, started by name, stopped.

propose (draws, logged) → start (approved by name) → its weeks → over, or stopped with a reason
"""

import datetime as dt
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session

from bot import database
from bot.errors import Fault, InvalidInput
from bot.models import (
    Assignment,
    Audit,
    Experiment,
    ExperimentKind,
    ExperimentState,
    Product,
    Room,
)

WEEK = dt.timedelta(days=7)
MOST_WEEKS = 26
# The arms of a holdout and of a topic: the first is what an effect is the effect of.
POST, HOLD = "post", "hold"
TOPIC, OTHER = "topic", "other"
# The first of the wordings; others are named in the calendar.
COPY = "A"
UNEXPOSED = frozenset({HOLD, OTHER, COPY})
EXPERIMENT, ASSIGNMENT = database.tables(Experiment, Assignment)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be compared, and how; `starts` is a Monday."""

    name: str
    kind: ExperimentKind
    series_id: int | None
    starts: dt.date
    weeks: int
    zone: str
    share: float
    seed: int
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One room, product and week, and what was drawn for it."""

    room_id: int
    product_id: int
    week: dt.date
    arm: str
    draw: str = ""


def lot(seed: int, name: str, room: str, sku: str, week: dt.date) -> str:
    """The number that chance gives a cell: the same again for whoever computes it again."""
    words = "\n".join((str(seed), "holdout", name, room, sku, week.isoformat()))
    return hashlib.sha256(words.encode(errors="surrogatepass")).hexdigest()[:16]


def number(seed: int, *words: str) -> int:
    """The number by which the calendar draws: the same again for whoever computes it again."""
    digest = hashlib.sha256("|".join((str(seed), *words)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def topic_words(room: str, week: dt.date) -> tuple[str, ...]:
    """What a room's topic of a week (its Monday) is drawn from."""
    return ("topic", room, week.isoformat())


def arm_words(room: str) -> tuple[str, ...]:
    """What a room's wording is drawn from."""
    return ("arm", room)


def written(number: int) -> str:
    """A number as an assignment keeps it."""
    return f"{number:016x}"


def is_held(draw: str, share: float) -> bool:
    """Whether a cell with this number goes without the post."""
    return int(draw, 16) < share * 2**64


def monday(day: dt.date) -> dt.date:
    """The first day of a week."""
    return day - dt.timedelta(days=day.weekday())


def propose(
    session: Session, proposal: Proposal, cells: Sequence[Cell], by: str, now: dt.datetime
) -> int:
    """Write an experiment and all its draws down; nothing changes before it is started.

    Returns its id. Raises InvalidInput.
    """
    _check(session, proposal, cells)
    row = {name: getattr(proposal, name) for name in proposal.__slots__}
    row |= {"state": ExperimentState.PROPOSED, "proposed_by": by, "proposed_at": now}
    database.insert_rows(session, Experiment, [row])
    experiment_id = int(named(session, proposal.name).id)
    database.insert_rows(
        session,
        Assignment,
        [
            {"experiment_id": experiment_id, "room_id": each.room_id}
            | {"product_id": each.product_id, "week": each.week}
            | {"arm": each.arm, "draw": each.draw}
            for each in cells
        ],
    )
    arms = Counter(each.arm for each in cells)
    told = {"kind": proposal.kind.value, "seed": proposal.seed, "share": proposal.share}
    _audit(session, proposal.name, "experiment.propose", by, now, told | {"arms": dict(arms)})
    return experiment_id


def start(session: Session, name: str, by: str, now: dt.datetime, today: dt.date) -> None:
    """Let the calendar obey a proposed experiment from its first week on. Raises InvalidInput."""
    found = named(session, name)
    if found.state is not ExperimentState.PROPOSED:
        raise _refuse(name, f"实验已经是 {found.state.value}", "每个实验只开始一次;要再做,另取名字")
    if found.starts <= today:
        remedy = "另取名字,从以后的周一开始:抽签要在曝光之前"
        raise _refuse(name, f"第一周 {found.starts} 已经开始", remedy)
    other = session.connection().scalar(
        select(EXPERIMENT.c.name).where(
            EXPERIMENT.c.state == ExperimentState.RUNNING,
            EXPERIMENT.c.series_id == found.series_id,
            EXPERIMENT.c.id != found.id,
        )
    )
    if other is not None and not _is_over(named(session, other), found.starts):
        raise _refuse(name, f"同一个栏目正在做实验 {other}", "等它结束,或先停掉它")
    values = {"state": ExperimentState.RUNNING, "started_by": by, "started_at": now}
    session.connection().execute(
        update(EXPERIMENT).where(EXPERIMENT.c.id == found.id).values(**values)
    )
    _audit(session, name, "experiment.start", by, now, {"starts": found.starts.isoformat()})


def stop(session: Session, name: str, reason: str, by: str, now: dt.datetime) -> None:
    """End an experiment before its time: from now on all rooms are treated alike."""
    found = named(session, name)
    if found.state is ExperimentState.STOPPED:
        raise _refuse(name, "实验已经停了", "不用再停")
    if not reason.strip():
        raise _refuse(name, "没有写为什么停", "用 --reason 写明,将来看结果的人要知道")
    values = {"state": ExperimentState.STOPPED, "stopped_by": by, "stopped_at": now}
    session.connection().execute(
        update(EXPERIMENT).where(EXPERIMENT.c.id == found.id).values(**values, reason=reason)
    )
    _audit(session, name, "experiment.stop", by, now, {"reason": reason})


def listed(session: Session) -> Sequence[Row[Any]]:
    """Every experiment, the latest first."""
    newest = (EXPERIMENT.c.starts.desc(), EXPERIMENT.c.name)
    return session.connection().execute(select(EXPERIMENT).order_by(*newest)).all()


def named(session: Session, name: str) -> Row[Any]:
    """The experiment of a name. Raises InvalidInput."""
    row = session.connection().execute(select(EXPERIMENT).where(EXPERIMENT.c.name == name)).first()
    if row is None:
        raise _refuse(name, "没有这个实验", "qunyun experiment list 列出所有实验")
    return row


def numbered(session: Session, experiment_id: int) -> Row[Any] | None:
    """The experiment of an id."""
    found = select(EXPERIMENT).where(EXPERIMENT.c.id == experiment_id)
    return session.connection().execute(found).first()


def broken_draws(session: Session, experiment: Row[Any]) -> int:
    """How many cells do not stand where their number puts them, each computed again.

    Nobody can say it of what was drawn elsewhere.
    """
    if experiment.imported:
        return 0
    room, product = database.tables(Room, Product)
    rows = (
        session.connection()
        .execute(
            select(ASSIGNMENT, room.c.platform_id, product.c.sku)
            .join(room, room.c.id == ASSIGNMENT.c.room_id)
            .join(product, product.c.id == ASSIGNMENT.c.product_id)
            .where(ASSIGNMENT.c.experiment_id == experiment.id)
        )
        .all()
    )
    if experiment.kind is not ExperimentKind.HOLDOUT:
        return _broken_by_calendar(experiment, rows)
    broken = 0
    for row in rows:
        drawn = lot(experiment.seed, experiment.name, row.platform_id, row.sku, row.week)
        arm = HOLD if is_held(drawn, experiment.share) else POST
        broken += (row.draw, row.arm) != (drawn, arm)
    return broken


def _broken_by_calendar(experiment: Row[Any], rows: Sequence[Row[Any]]) -> int:
    """Cells whose number is not that of the series' seed, or which do not stand with the others of
    the same number: the calendar takes the n-th product or wording, whichever it then was.
    """
    is_topic = experiment.kind is ExperimentKind.TOPIC
    # Those of an earlier version kept no number.
    rows = [row for row in rows if row.draw]
    choices = round(1 / experiment.share) if is_topic else len({row.arm for row in rows})
    numbers = []
    for row in rows:
        words = topic_words(row.platform_id, row.week) if is_topic else arm_words(row.platform_id)
        numbers.append(number(experiment.seed, *words))
    votes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row, drawn in zip(rows, numbers, strict=True):
        if not is_topic or row.arm == TOPIC:
            votes[drawn % choices][row.sku if is_topic else row.arm] += 1
    stands = {place: counted.most_common(1)[0][0] for place, counted in votes.items()}
    broken = 0
    for row, drawn in zip(rows, numbers, strict=True):
        chosen = stands.get(drawn % choices)
        right = (row.sku == chosen) == (row.arm == TOPIC) if is_topic else row.arm == chosen
        broken += not right or row.draw != written(drawn)
    return broken


def _is_over(experiment: Row[Any], day: dt.date) -> bool:
    return bool(experiment.starts + experiment.weeks * WEEK <= day)


def _check(session: Session, proposal: Proposal, cells: Sequence[Cell]) -> None:
    name = proposal.name
    taken = select(EXPERIMENT.c.id).where(EXPERIMENT.c.name == name)
    if session.connection().scalar(taken) is not None:
        raise _refuse(name, "已经有这个名字的实验", "另取一个名字")
    if proposal.starts.weekday():
        raise _refuse(name, f"{proposal.starts} 不是周一", "从周一开始:一周是一个整体")
    if not 1 <= proposal.weeks <= MOST_WEEKS:
        raise _refuse(name, f"{proposal.weeks} 周不行", f"写 1 到 {MOST_WEEKS} 周")
    if not 0 < proposal.share < 1:
        raise _refuse(name, f"份额 {proposal.share} 分不出两组", "写 0 到 1 之间的小数,例如 0.12")
    if len({each.arm for each in cells}) < 2:
        remedy = "群太少或份额太小:多几个群、多几周,或加大份额"
        raise _refuse(name, "抽签没有分出两组", remedy)


def _audit(
    session: Session, name: str, action: str, by: str, now: dt.datetime, after: dict[str, object]
) -> None:
    note = {"at": now, "by": by, "action": action, "object": f"experiment:{name}"}
    database.insert_rows(session, Audit, [note | {"before": None, "after": after}])


def _refuse(name: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("实验", 0, name, problem, remedy))
