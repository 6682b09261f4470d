"""Tracked links: what an order is known by that came through one."""

PARAMETER = "qy"


def mark(code: str) -> str:
    """What an order line keeps of the link that led to it."""
    return f"{PARAMETER}:{code}"
