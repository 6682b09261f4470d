"""What class of touch a message is that names a product (ATTRIBUTION §1). Pure.

    PROMO       we or a campaign speak: a promo post, its coupon or link, its text said again, bot,
                operator and KOC on their own account, the same long text across rooms
    PROMPT      any other post of ours, and our answers to members: no credit, no echo
    PROMO_ECHO  a member within two hours of a promo of the product in the room, or quoting it
    ORGANIC     any other member

SELF and POST depend on an order, so `attribution` tells them.
"""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.models import Role, Touch
from bot.text import lexicon, similarity

ECHO = dt.timedelta(hours=2)
SPREAD = dt.timedelta(hours=24)
SPREAD_LENGTH = 30

# A (room, product) names one stream of touches.
Stream = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Naming:
    """One message that names one product. `name` is its platform id; `quotes` what it quotes.

    `replies` is whether it quotes or @-s somebody. `role` is the sender's in the room at the time.
    """

    room_id: int
    product_id: int
    message_id: int
    contact_id: int
    at: dt.datetime
    name: str
    text: str
    role: Role = Role.MEMBER
    quotes: str | None = None
    replies: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One delivery that arrived: a PROMO where `promo`, of these products; else a PROMPT.

    `name` is the platform id of what arrived, where it is known.
    """

    room_id: int
    delivery_id: int
    at: dt.datetime
    text: str
    promo: bool
    products: frozenset[int] = frozenset()
    name: str | None = None
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A classed touch. `name` is its natural key inside the room, and breaks ties."""

    touch: Touch
    room_id: int
    at: dt.datetime
    name: str
    contact_id: int | None = None
    message_id: int | None = None
    delivery_id: int | None = None


@dataclass(slots=True)
class CampaignTexts:
    """The texts of our own PROMOs, to ask whether a message says one of them again.

    Exact, through an index of 3-grams, so that asking costs no more with many texts.
    """

    short: set[str] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    postings: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, text: str) -> None:
        """Remember one text."""
        normal = similarity.normalise(text)
        if len(normal) < similarity.GRAMS_FROM:
            self.short.add(normal)
            return
        grams = similarity.grams(normal)
        for gram in grams:
            self.postings[gram].append(len(self.sizes))
        self.sizes.append(len(grams))

    def repeated_by(self, normal: str) -> bool:
        """Whether a normalised text is a near-duplicate of one of them."""
        if len(normal) < similarity.GRAMS_FROM:
            return normal != "" and normal in self.short
        if not self.sizes:
            return False
        own = similarity.grams(normal)
        shared = Counter(place for gram in own for place in self.postings.get(gram, ()))
        return any(
            count >= similarity.ALIKE * (len(own) + self.sizes[place] - count)
            for place, count in shared.items()
        )


def classify(
    namings: Sequence[Naming], posts: Sequence[Post], marks: lexicon.Lexicon
) -> dict[Stream, list[Candidate]]:
    """Touches of each (room, product), in order of time. `marks` knows coupons and links."""
    arrived = {(post.room_id, post.name): post for post in posts if post.name}
    normals = {naming.message_id: similarity.normalise(naming.text) for naming in namings}
    spread = _spread(namings, normals)
    texts = _campaign_texts(posts)
    streams: defaultdict[Stream, list[Candidate]] = defaultdict(list)
    members: list[Naming] = []
    for naming in namings:
        post = arrived.get((naming.room_id, naming.name))
        kind = _kind(naming, post, marks)
        if kind is None and (
            naming.message_id in spread or texts.repeated_by(normals[naming.message_id])
        ):
            kind = Touch.PROMO
        if kind is None:
            members.append(naming)
        else:
            streams[naming.room_id, naming.product_id].append(_candidate(naming, kind, post))
    _add_unheard_posts(streams, posts)
    promos = _promo_times(streams)
    for naming in members:
        stream = naming.room_id, naming.product_id
        echo = _echoes(naming, *promos.get(stream, ([], frozenset())))
        kind = Touch.PROMO_ECHO if echo else Touch.ORGANIC
        streams[stream].append(_candidate(naming, kind, None))
    for candidates in streams.values():
        candidates.sort(key=lambda candidate: (candidate.at, candidate.name))
    return dict(streams)


def _spread(namings: Sequence[Naming], normals: Mapping[int, str]) -> frozenset[int]:
    """Messages whose long text comes from ≥ 2 contacts in ≥ 3 rooms within 24 hours."""
    alike: defaultdict[str, list[Naming]] = defaultdict(list)
    for naming in namings:
        normal = normals[naming.message_id]
        if len(normal) >= SPREAD_LENGTH:
            alike[normal].append(naming)
    found: set[int] = set()
    for group in alike.values():
        group.sort(key=lambda naming: naming.at)
        start = 0
        for end, last in enumerate(group):
            while last.at - group[start].at > SPREAD:
                start += 1
            window = group[start : end + 1]
            if len({one.room_id for one in window}) < 3:
                continue
            if len({one.contact_id for one in window}) >= 2:
                found.update(one.message_id for one in window)
    return frozenset(found)


def _campaign_texts(posts: Iterable[Post]) -> CampaignTexts:
    texts = CampaignTexts()
    for text in sorted({post.text for post in posts if post.promo}):
        texts.add(text)
    return texts


def _kind(naming: Naming, post: Post | None, marks: lexicon.Lexicon) -> Touch | None:
    """The class that a message has by itself; None where it depends on others."""
    if post is not None:
        return Touch.PROMO if post.promo else Touch.PROMPT
    if marks.mentioned(naming.text):
        return Touch.PROMO
    if naming.role == Role.MEMBER:
        return None
    return Touch.PROMPT if naming.replies else Touch.PROMO


def _candidate(naming: Naming, touch: Touch, post: Post | None) -> Candidate:
    return Candidate(
        touch=touch,
        room_id=naming.room_id,
        at=naming.at,
        name=naming.name,
        contact_id=naming.contact_id,
        message_id=naming.message_id,
        delivery_id=post.delivery_id if post else None,
    )


def _add_unheard_posts(
    streams: defaultdict[Stream, list[Candidate]], posts: Iterable[Post]
) -> None:
    """Promo posts whose echo did not come back, or does not name the product in its words."""
    heard = {
        (stream, candidate.delivery_id)
        for stream, candidates in streams.items()
        for candidate in candidates
        if candidate.delivery_id is not None
    }
    for post in posts:
        for product_id in sorted(post.products) if post.promo else ():
            stream = post.room_id, product_id
            if (stream, post.delivery_id) not in heard:
                streams[stream].append(
                    Candidate(
                        touch=Touch.PROMO,
                        room_id=post.room_id,
                        at=post.at,
                        name=post.name or f"delivery:{post.delivery_id}",
                        message_id=post.message_id,
                        delivery_id=post.delivery_id,
                    )
                )


def _promo_times(
    streams: Mapping[Stream, Sequence[Candidate]],
) -> dict[Stream, tuple[list[dt.datetime], frozenset[str]]]:
    promos = {
        stream: [each for each in candidates if each.touch == Touch.PROMO]
        for stream, candidates in streams.items()
    }
    return {
        stream: (sorted(each.at for each in found), frozenset(each.name for each in found))
        for stream, found in promos.items()
    }


def _echoes(naming: Naming, promo_times: Sequence[dt.datetime], names: frozenset[str]) -> bool:
    if naming.quotes is not None and naming.quotes in names:
        return True
    place = bisect_right(promo_times, naming.at)
    return place > 0 and naming.at - promo_times[place - 1] <= ECHO
