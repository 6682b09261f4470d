"""Heartbeats: when a part of the program last did its round."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class Heartbeat(SQLModel, table=True):
    """The last round of one part (`heartbeats.PLANNER`), written with what the round did."""

    part: str = Field(primary_key=True)
    owner: str
    at: datetime
