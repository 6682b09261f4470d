"""What class of touch a message is that names a product (ATTRIBUTION §1). Pure.

    PROMO       we or a campaign speak: a promo post, its coupon or link, its text said again, bot,
                operator and KOC on their own account, the same long text across rooms
    PROMPT      any other post of ours, and our answers to members: no credit, no echo
    PROMO_ECHO  a member within two hours of a promo of the product in the room, or quoting it
    ORGANIC     any other member

SELF and POST depend on an order, so `attribution` tells them.
"""

import datetime as dt
import hashlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.models import Role, Touch
from bot.text import lexicon, similarity

ECHO = dt.timedelta(hours=2)
SPREAD = dt.timedelta(hours=24)
SPREAD_LENGTH = 30
SPREAD_ROOMS, SPREAD_CONTACTS = 3, 2
# A quote links within so much time.
THREAD = dt.timedelta(hours=72)

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

    @property
    def stream(self) -> Stream:
        """The stream that it belongs to."""
        return self.room_id, self.product_id


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
class Saying:
    """A long text as one message says it; `key` is the same where the text is."""

    key: int
    room_id: int
    contact_id: int
    at: dt.datetime
    message_id: int


@dataclass(slots=True)
class Promos:
    """The promotions of one stream: when they were said, and by name, to find what echoes them."""

    times: list[dt.datetime] = field(default_factory=list)
    names: dict[str, dt.datetime] = field(default_factory=dict)

    def echoed_by(self, at: dt.datetime, quotes: str | None) -> bool:
        """Whether a member's message echoes one of them. `times` must be in order."""
        said_at = self.names.get(quotes) if quotes is not None else None
        if said_at is not None and abs(at - said_at) <= THREAD:
            return True
        place = bisect_right(self.times, at)
        return place > 0 and at - self.times[place - 1] <= ECHO


@dataclass(slots=True)
class CampaignTexts:
    """The texts of our own PROMOs and since when each was out, to ask whether a message says one of
    them again.

    Exact, through an index of 3-grams, so that asking costs no more with many texts.
    """

    short: dict[str, dt.datetime] = field(default_factory=dict)
    long: list[tuple[int, dt.datetime]] = field(default_factory=list)
    postings: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def repeated_by(self, normal: str, at: dt.datetime) -> bool:
        """Whether a normalised text said then is a near-duplicate of one that was out."""
        if len(normal) < similarity.GRAMS_FROM:
            since = self.short.get(normal) if normal else None
            return since is not None and since <= at
        if not self.long:
            return False
        own = similarity.grams(normal)
        shared = Counter(place for gram in own for place in self.postings.get(gram, ()))
        return any(
            count >= similarity.ALIKE * (len(own) + self.long[place][0] - count)
            and self.long[place][1] <= at
            for place, count in shared.items()
        )


def campaign_texts(told: Iterable[tuple[str, dt.datetime]]) -> CampaignTexts:
    """These texts, each since the first time that it was told."""
    earliest: dict[str, dt.datetime] = {}
    for text, at in told:
        normal = similarity.normalise(text)
        earliest[normal] = min(at, earliest.get(normal, at))
    known = CampaignTexts()
    for normal, since in earliest.items():
        if len(normal) < similarity.GRAMS_FROM:
            known.short[normal] = since
            continue
        grams = similarity.grams(normal)
        for gram in grams:
            known.postings[gram].append(len(known.long))
        known.long.append((len(grams), since))
    return known


def kind(
    naming: Naming,
    normal: str,
    post: Post | None,
    *,
    marks: lexicon.Lexicon,
    texts: CampaignTexts,
    spread: bool,
) -> Touch | None:
    """The class that a message has by itself; None for a member's, which may yet be an echo.

    `normal` is its normalised text, `post` the delivery that it is, `spread` whether its long text
    goes round.
    """
    if post is not None and post.promo:
        return Touch.PROMO
    if marks.mentioned(naming.text):
        return Touch.PROMO
    if post is not None:
        return Touch.PROMPT
    if spread or texts.repeated_by(normal, naming.at):
        return Touch.PROMO
    if naming.role == Role.MEMBER:
        return None
    return Touch.PROMPT if naming.replies else Touch.PROMO


def text_key(normal: str) -> int | None:
    """What names a long text, the same wherever it is said; None for a short one. 63 bits."""
    if len(normal) < SPREAD_LENGTH:
        return None
    digest = hashlib.blake2b(normal.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def spread(sayings: Iterable[Saying]) -> frozenset[int]:
    """Messages whose text comes from ≥ 2 contacts in ≥ 3 rooms within 24 hours."""
    alike: defaultdict[int, set[Saying]] = defaultdict(set)
    for saying in sayings:
        alike[saying.key].add(saying)
    found: set[int] = set()
    for group in alike.values():
        ordered = sorted(group, key=lambda saying: (saying.at, saying.message_id))
        start = 0
        for end, last in enumerate(ordered):
            while last.at - ordered[start].at > SPREAD:
                start += 1
            window = ordered[start : end + 1]
            rooms = {one.room_id for one in window}
            contacts = {one.contact_id for one in window}
            if len(rooms) >= SPREAD_ROOMS and len(contacts) >= SPREAD_CONTACTS:
                found.update(one.message_id for one in window)
    return frozenset(found)


def promos(
    said: Iterable[tuple[Stream, dt.datetime, str | None]],
) -> Mapping[Stream, Promos]:
    """Promotions by stream, from (stream, time, name)."""
    found: defaultdict[Stream, Promos] = defaultdict(Promos)
    for stream, at, name in sorted(said, key=lambda one: one[1]):
        found[stream].times.append(at)
        if name is not None:
            found[stream].names[name] = at
    return found


def promo_posts(posts: Iterable[Post]) -> Iterable[tuple[Stream, dt.datetime, str | None]]:
    """Promo posts as `promos` takes them: one for each product."""
    for post in posts:
        for product_id in sorted(post.products) if post.promo else ():
            yield (post.room_id, product_id), post.at, post.name


def member_kind(naming: Naming, told: Promos | None) -> Touch:
    """What a member's message is, after the promotions of its stream."""
    echo = told is not None and told.echoed_by(naming.at, naming.quotes)
    return Touch.PROMO_ECHO if echo else Touch.ORGANIC
