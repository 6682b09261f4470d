"""Hand a complaint to the operators at once: no bot should answer one."""

from handlers.moment import Case, Moment


def handle(moment: Moment) -> Case | None:
    """A case for every member's complaint that the rules are sure of."""
    if moment.grievance is None or moment.by_operator:
        return None
    return Case(moment.grievance)
