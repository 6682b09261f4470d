"""Vitals: how each process is, as it last said."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class ProcessVital(SQLModel, table=True):
    """How late the event loop of one process (`host:pid`) came to its work at most in the half
    minute before `at`, in seconds.
    """

    __tablename__ = "process_vital"

    owner: str = Field(primary_key=True)
    at: datetime
    loop_lag: float
