"""How far each room's log goes, and a stamp that changes with every change of it."""

import datetime as dt

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class RoomLog(SQLModel, table=True):
    """One room's log as it stood when its messages were last judged.

    Whoever remembers the room under this `stamp` remembers it as it is (`bot/memory.py`); nobody
    said anything later than `latest_at`. A room without a row was never judged since rows are kept.
    """

    __tablename__ = "room_log"

    room_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stamp: int = Field(sa_type=BigInteger)
    latest_at: dt.datetime
