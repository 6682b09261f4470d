"""What a page group offers: a tuple of routes, each with the role that it asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.models import OperatorRole


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `role` None: open to everybody, also before signing in.

    `endpoint` is a plain function (it runs in a thread) that takes a `Reader` or a `Writer` (see
    `page`), else whatever FastAPI can give it. `api` routes speak JSON and stand in the OpenAPI.
    `head`: a GET that answers HEAD as well.
    """

    method: str
    path: str
    endpoint: Callable[..., Any]  # whatever parameters the page needs
    role: OperatorRole | None
    api: bool = False
    head: bool = False
