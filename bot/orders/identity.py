"""Which identifiers are one human: union-find over evidence, never likelihood. Pure.

    edges (unionid, phone HMAC, buyer id HMAC, contact, order number) → components

The outcome depends on which evidence there is and never on the order in which it came. A
component that cannot be one human is quarantined: it gives no credit, and waits for somebody to
look. An order number typed in a room is the weakest evidence: where it would make such a
component, it counts for nothing.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from bot.models import IdentityKind

# (kind, value); a contact's value is its platform id as the database holds it.
Identifier = tuple[IdentityKind, str]

# Strength of evidence, strongest first: also the order in which an order line is resolved.
STRENGTH = (IdentityKind.UNIONID, IdentityKind.PHONE, IdentityKind.BUYER, IdentityKind.ORDER)
MOST_CONTACTS = 5


@dataclass(frozen=True, slots=True)
class Edge:
    """That two identifiers are one human, and since when it was said."""

    left: Identifier
    right: Identifier
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Component:
    """Identifiers that evidence joins, in order; `quarantined`: why they cannot be one human."""

    members: tuple[Identifier, ...]
    quarantined: str | None = None


def components(
    edges: Iterable[tuple[Identifier, Identifier]],
    alone: Iterable[Identifier] = (),
    accepted: Collection[frozenset[Identifier]] = (),
) -> tuple[Component, ...]:
    """Connected components, each in order, by their first member: whatever the order of edges.

    `alone` are identifiers that are somebody without any edge. `accepted` are sets of unionids and
    contacts that a person looked at and found to be one human: no more than those are no conflict.
    """
    forest = Forest()
    weak: list[tuple[Identifier, Identifier]] = []
    for left, right in edges:
        if _rank(left, right) == len(STRENGTH) - 1:
            weak.append((left, right))
        else:
            forest.join(left, right)
    for identifier in alone:
        forest.root(identifier)
    _add_weak(forest, weak, accepted)
    return tuple(
        Component(tuple(sorted(members)), conflict(members, accepted))
        for _, members in sorted(forest.trees.items())
    )


def conflict(
    members: Collection[Identifier], accepted: Collection[frozenset[Identifier]] = ()
) -> str | None:
    """Why these identifiers cannot be one human, in words; None where they can."""
    kinds = Counter(kind for kind, _ in members)
    problem = None
    if kinds[IdentityKind.UNIONID] > 1:
        problem = f"{kinds[IdentityKind.UNIONID]} 个 unionid 连成一人"
    elif kinds[IdentityKind.CONTACT] > MOST_CONTACTS:
        problem = f"{kinds[IdentityKind.CONTACT]} 个微信账号连成一人"
    if problem is None or any(telling(members) <= known for known in accepted):
        return None
    return problem


def telling(members: Iterable[Identifier]) -> frozenset[Identifier]:
    """Of some identifiers, those by which people are told apart."""
    return frozenset(
        each for each in members if each[0] in (IdentityKind.UNIONID, IdentityKind.CONTACT)
    )


def suspects(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """Of the edges of one component, those without which nobody would be in conflict.

    The strongest evidence is believed first, of equals the earliest: each edge that then joins
    what cannot be one human is a suspect.
    """
    forest = Forest()
    found: list[Edge] = []
    for edge in sorted(edges, key=_belief):
        members = [*forest.tree(edge.left), *forest.tree(edge.right)]
        if conflict(set(members)) is None:
            forest.join(edge.left, edge.right)
        else:
            found.append(edge)
    return tuple(found)


@dataclass(slots=True)
class Forest:
    """Union-find that keeps the members of each tree by its root; the smallest identifier is the
    root, so that the outcome has no history.
    """

    parents: dict[Identifier, Identifier] = field(default_factory=dict)
    trees: dict[Identifier, list[Identifier]] = field(default_factory=dict)

    def join(self, left: Identifier, right: Identifier) -> None:
        """Make the trees of two identifiers one."""
        one, other = sorted((self.root(left), self.root(right)))
        if one != other:
            self.parents[other] = one
            self.trees[one] += self.trees.pop(other)

    def root(self, identifier: Identifier) -> Identifier:
        """The root of an identifier's tree; a new identifier is a tree of its own."""
        if identifier not in self.parents:
            self.parents[identifier] = identifier
            self.trees[identifier] = [identifier]
        root = identifier
        while (above := self.parents[root]) != root:
            root = above
        # Shorten the path, so that long chains stay cheap.
        while identifier != root:
            self.parents[identifier], identifier = root, self.parents[identifier]
        return root

    def tree(self, identifier: Identifier) -> Sequence[Identifier]:
        """Everybody in an identifier's tree."""
        return self.trees[self.root(identifier)]


def _add_weak(
    forest: Forest,
    edges: Sequence[tuple[Identifier, Identifier]],
    accepted: Collection[frozenset[Identifier]],
) -> None:
    """Join by order numbers what they make no conflict of; all of a cluster or none of it, so that
    their order does not matter. A number may tell whose contact a buyer is, and never that two
    contacts are one human: who types another's number is nobody.
    """
    by_order: defaultdict[Identifier, set[Identifier]] = defaultdict(set)
    for edge in edges:
        for end in edge:
            if end[0] == IdentityKind.ORDER:
                by_order[end] |= {forest.root(each) for each in edge}
    wrong = {order for order, trees in by_order.items() if not _is_sound(forest, trees, accepted)}
    clusters = Forest()
    roots = [(forest.root(e[0]), forest.root(e[1])) for e in edges if wrong.isdisjoint(e)]
    for left, right in roots:
        clusters.join(left, right)
    sound = {root for root, trees in clusters.trees.items() if _is_sound(forest, trees, accepted)}
    for left, right in roots:
        if clusters.root(left) in sound:
            forest.join(left, right)


def _is_sound(
    forest: Forest, roots: Iterable[Identifier], accepted: Collection[frozenset[Identifier]]
) -> bool:
    """Whether trees can be one human, of whom one tree at the most is somebody in the rooms."""
    trees = [forest.tree(root) for root in roots]
    seen = sum(any(kind == IdentityKind.CONTACT for kind, _ in tree) for tree in trees)
    return seen <= 1 and conflict([each for tree in trees for each in tree], accepted) is None


def _rank(left: Identifier, right: Identifier) -> int:
    """How weak an edge is: as its weaker end."""
    return max(_weakness(left), _weakness(right))


def _weakness(identifier: Identifier) -> int:
    kind = identifier[0]
    return 0 if kind == IdentityKind.CONTACT else STRENGTH.index(kind)


_Belief = tuple[int, dt.datetime, Identifier, Identifier]


def _belief(edge: Edge) -> _Belief:
    left, right = sorted((edge.left, edge.right))
    return _rank(left, right), edge.at, left, right
