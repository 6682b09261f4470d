"""What an operator may do (role) and in which rooms (scope)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, and_, select, true
from sqlmodel import Session

from bot import database
from bot.models import Operator, OperatorRole, Room, RoomTag

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole


def allows(role: OperatorRole, wanted: OperatorRole) -> bool:
    """Whether somebody with `role` may do what asks for `wanted`: roles only add up."""
    order = list(OperatorRole)
    return order.index(role) >= order.index(wanted)


def in_scope(operator: Operator, room: Table) -> ColumnElement[bool]:
    """The SQL condition on the room table (or an alias of it) that the operator may see a row.

    A vertical and a tag, where the operator is held to some: a room must match both.
    """
    conditions: list[ColumnElement[bool]] = []
    if operator.verticals is not None:
        conditions.append(room.c.vertical.in_(operator.verticals))
    if operator.tags is not None:
        tag = database.table(RoomTag)
        tagged = select(tag.c.room_id).where(tag.c.tag.in_(operator.tags))
        conditions.append(room.c.id.in_(tagged))
    return and_(true(), *conditions)


def sees_all(operator: Operator) -> bool:
    """Whether no room is kept from the operator."""
    return operator.verticals is None and operator.tags is None


def sees_vertical(operator: Operator, vertical: str) -> bool:
    """Whether every room of a vertical is the operator's to see; "" stands for all verticals."""
    held = operator.verticals or ()
    return sees_all(operator) or (operator.tags is None and vertical in held)


def sees(session: Session, operator: Operator, room_ids: Sequence[int]) -> bool:
    """Whether every one of these rooms exists and is in the operator's scope."""
    room = database.table(Room)
    wanted = set(room_ids)
    found = session.connection().scalars(
        select(room.c.id).where(room.c.id.in_(wanted), in_scope(operator, room))
    )
    return set(found) == wanted
