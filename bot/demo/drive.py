"""Let the simulated community live through its days: everything it does goes through the app.

    members' words, arrivals, leaves → MemoryGateway → process.take       (ingest, handlers)
    calendar → app.tick → outgoing.deliver → MemoryGateway → reactions  (planner, outbox)

The clock is ours: it jumps from one thing that happens to the next, never back.
"""

import datetime as dt
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from bot import app as apps
from bot import batches, database, leases, outgoing, process, receiving
from bot.demo import community, reactions, shopping, talk
from bot.demo.community import Room, Stay
from bot.demo.content import Promo
from bot.demo.reactions import Post
from bot.demo.shopping import Purchase
from bot.demo.stage import Spoken
from bot.demo.world import Moved, World
from bot.gateway import Event, Joined, Left, Person, Said, TopicChanged
from bot.models import Delivery, DeliveryState
from content_calendar import definition

# A coupon is worth using for two days.
COUPON_LASTS = dt.timedelta(hours=48)
# On this day of the last week the platform falters.
FAULTS_BEFORE_END = 4
# Leases last 30 s.
RENEWS_AFTER = dt.timedelta(seconds=20)


async def begin(made: World) -> None:
    """Log in and list rooms and members, as any account does at its start."""
    for name, (account_id, gateway) in made.accounts.items():
        for room in made.everybody.rooms:
            if room.account == name:
                gateway.add_room(room.id, room.topic, _founders(room))
        await _listen(made, name)
        _take(made, name, made.heard.pop(""))
        for listing in await gateway.rooms():
            members = await gateway.members(listing.id)
            with database.transaction(made.app.engine) as session:
                receiving.list_room(
                    session, account_id, listing, members, gateway.me.id, made.clock()
                )


async def live(made: World, day: dt.date, times: Iterable[dt.time]) -> None:
    """One local day: what happens in it, in order; the planner ticks at the local `times`."""
    _awake(made, day)
    if (community.LAST_DAY - day).days == FAULTS_BEFORE_END:
        _falter(made)
    moments = [
        dt.datetime.combine(day, time, community.ZONE).astimezone(dt.UTC) for time in sorted(times)
    ]
    for moment in moments:
        await _pass(made, moment)
        apps.tick(made.app)
        await _post(made)
    await _pass(made, community.instant(day + dt.timedelta(days=1)))
    await _catch_up(made)


def posting_times(made: World) -> set[dt.time]:
    """The local times at which the approved calendar posts."""
    with database.reading(made.app.engine) as session:
        return {
            timing.at
            for series in definition.stored(session)
            for timing in series.definition.timings
        }


async def _pass(made: World, until: dt.datetime) -> None:
    while made.to_come and made.to_come[0][0] < until:
        at, _, happening = heapq.heappop(made.to_come)
        made.clock.reach(at)
        await _happen(made, happening)
    made.clock.reach(until)


def _falter(made: World) -> None:
    """Some sends of the day get no answer, and one is refused: the outbox has to cope."""
    _, gateway = next(iter(made.accounts.values()))
    # Two arrive and are found again by their echo, two vanish and are held for an operator.
    gateway.time_out(arrives=True, times=2)
    gateway.time_out(arrives=False, times=2)
    gateway.refuse("平台拒收：内容需要修改", times=1)


def _founders(room: Room) -> list[Person]:
    there = [stay.member for stay in room.stays if stay.joined is None]
    return [Person(member.id, member.name) for member in (room.operator, *there)]


def _awake(made: World, day: dt.date) -> None:
    """Put what a day brings of itself into the queue."""
    for room in made.everybody.rooms:
        said = talk.day(made.everybody, room, day)
        made.own_words[room.id, day] = len(said)
        bought, asked = shopping.anyway(made.everybody, room, day, _running(made, room, day))
        for spoken in (*said, *asked):
            _await(made, spoken.at, spoken)
        for purchase in bought:
            _buy(made, room, purchase)
        since, until = community.instant(day), community.instant(day + dt.timedelta(days=1))
        for at, stays in _groups(stay for stay in room.stays if _within(stay.joined, since, until)):
            _await(made, at, Moved(room.id, stays, joins=True))
        for stay in room.stays:
            if stay.left is not None and _within(stay.left, since, until):
                person = Person(stay.member.id, stay.member.name)
                _await(made, stay.left, Moved(room.id, (person,), joins=False))


def _groups(joining: Iterable[Stay]) -> list[tuple[dt.datetime, tuple[Person, ...]]]:
    groups: dict[dt.datetime, list[Person]] = defaultdict(list)
    for stay in joining:
        if stay.joined is not None:
            groups[stay.joined].append(Person(stay.member.id, stay.member.name))
    return [(at, tuple(people)) for at, people in groups.items()]


def _within(at: dt.datetime | None, since: dt.datetime, until: dt.datetime) -> bool:
    return at is not None and since <= at < until


def _await(made: World, at: dt.datetime, happening: Spoken | Moved) -> None:
    heapq.heappush(made.to_come, (at, next(made.order), happening))


async def _happen(made: World, happening: Spoken | Moved) -> None:
    room = made.rooms[happening.room]
    _, gateway = made.accounts[room.account]
    if isinstance(happening, Moved):
        # The platform dates arrivals by the clock.
        change = gateway.join if happening.joins else gateway.leave
        change(room.id, *happening.people)
        made.unread[room.account] += 1
        if happening.joins:
            await _answer(made, room)
        return
    gateway.say(
        room.id,
        happening.sender.id,
        happening.text,
        type=happening.type,
        id=happening.id,
        at=happening.at,
        mentions=happening.mentions,
        quote=happening.quote,
        recalls=happening.recalls,
    )
    made.unread[room.account] += 1
    made.messages += 1
    promo = _running(made, room, happening.at.astimezone(community.ZONE).date())
    purchase = shopping.after_talk(made.everybody, room, happening, promo)
    if purchase is not None:
        for said in shopping.tempted(made.everybody, room, happening, purchase):
            _await(made, said.at, said)
        _buy(made, room, purchase)
    if happening.to_bot:
        await _answer(made, room)


def _buy(made: World, room: Room, purchase: Purchase) -> None:
    made.purchases.append(purchase)
    for spoken in shopping.show(made.everybody, room, purchase):
        if spoken.at > made.clock.now:
            _await(made, spoken.at, spoken)


def _running(made: World, room: Room, day: dt.date) -> Promo | None:
    """The promotion that the room saw in the last two days."""
    promo, at = made.promos.get(room.id, (None, made.clock.now))
    return promo if community.instant(day) - at < COUPON_LASTS else None


async def _answer(made: World, room: Room) -> None:
    """Hand the room's talk over now, and let the bot say what it has to say."""
    await _listen(made, room.account)
    _take(made, room.account, made.heard.pop(room.id, []))
    await _post(made)


async def _catch_up(made: World) -> None:
    """Hand over what was said since. The bot answers nothing of it that is minutes old."""
    for name in made.accounts:
        await _listen(made, name)
        batch = [
            event
            for room in made.everybody.rooms
            if room.account == name
            for event in made.heard.pop(room.id, [])
        ]
        for start in range(0, len(batch), batches.LARGEST):
            _take(made, name, batch[start : start + batches.LARGEST])


async def _listen(made: World, name: str) -> None:
    """Read the gateway's stream to where it stands."""
    _, gateway = made.accounts[name]
    for _ in range(made.unread[name]):
        event = await anext(gateway.events())
        room = event.room if isinstance(event, Said | Joined | Left | TopicChanged) else ""
        made.heard[room].append(event)
    made.unread[name] = 0


def _take(made: World, name: str, events: Sequence[Event]) -> None:
    if events:
        process.take(made.app, made.accounts[name][0], events)


async def _post(made: World) -> None:
    """Let the accounts send what is due, at their own pace."""
    _renew(made)
    due = _due(made)
    ready = dict.fromkeys(due, made.clock.now)
    # Asking again any sooner would only be told to wait for the gap between rooms.
    gap = dt.timedelta(seconds=made.app.settings.random_gap_seconds[1])
    while ready:
        account_id = min(ready, key=lambda each: (ready[each], each))
        made.clock.reach(ready[account_id])
        if made.clock.now - made.renewed_at > RENEWS_AFTER:
            _renew(made)
        again = await outgoing.deliver(made.app, account_id)
        if _react(made):
            due[account_id] -= 1
            ready[account_id] = made.clock.now + gap
        elif again is not None:
            ready[account_id] = again
        if again is None or not due[account_id]:
            del ready[account_id]


def _due(made: World) -> Counter[int]:
    """How many deliveries each account has to send now: one that has none is not asked."""
    delivery = database.table(Delivery).c
    pending = select(delivery.account_id).where(
        delivery.state == DeliveryState.PENDING, delivery.due_at <= made.clock.now
    )
    with database.reading(made.app.engine) as session:
        return Counter(session.connection().scalars(pending))


def _renew(made: World) -> None:
    """Keep the accounts, as the ticks do that a running app has every half minute."""
    with database.transaction(made.app.engine) as session:
        for account_id, sender in made.app.senders.items():
            leases.renew(session, account_id, sender.epoch, made.clock())
    made.renewed_at = made.clock.now


def _react(made: World) -> bool:
    """Members see what arrived in their rooms, and only that; whether anything did."""
    arrived = False
    for name, (_, gateway) in made.accounts.items():
        for sent in gateway.sent[made.reacted[name] :]:
            arrived = True
            made.reacted[name] += 1
            # The echo of a post is an event of the stream, too.
            made.unread[name] += 1
            room = made.rooms[sent.room]
            post = Post(f"{name}-{sent.id}", room.id, sent.text, sent.at)
            started = reactions.after(made.everybody, room, post)
            for spoken in started:
                _await(made, spoken.at, spoken)
            _note_lift(made, room, post, started)
            promo = reactions.promoted(room, sent.text)
            if promo is not None:
                made.promos[room.id] = (promo, sent.at)
                for purchase in shopping.after_promo(
                    made.everybody, room, promo, sent.at, f"{name}-{sent.id}"
                ):
                    _buy(made, room, purchase)
    return arrived


def _note_lift(made: World, room: Room, post: Post, started: Sequence[Spoken]) -> None:
    kind = reactions.opened(post.text)
    if kind is None:
        return
    midnight = community.instant(post.at.astimezone(community.ZONE).date() + dt.timedelta(days=1))
    of_members = [
        spoken for spoken in started if spoken.sender != room.operator and spoken.at < midnight
    ]
    made.lifts[kind].append(len(of_members))
