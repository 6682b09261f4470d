"""The simulated community: believable, and the same for the same seed."""

import datetime as dt
import random
from pathlib import Path

import pytest

from bot.demo import community, content, home, reactions, shopping, stage, talk
from bot.demo.community import Community, Room
from bot.demo.content import Ask, Product, Vertical
from bot.demo.reactions import Post
from bot.demo.stage import Spoken
from bot.errors import InvalidInput
from bot.text import signals
from bot.text.wording import wording

EVERYBODY = community.found(7, 12, 28, ["demo-1"])
EVENING = dt.datetime(2026, 11, 18, 12, 0, tzinfo=dt.UTC)
OPENING = "11月18日宝妈问题解答日开始啦!"


def said_in(room: Room, everybody: Community = EVERYBODY) -> list[Spoken]:
    return [spoken for day in everybody.days for spoken in talk.day(everybody, room, day)]


def questions() -> list[tuple[Vertical, Product | None, Ask]]:
    return [
        (vertical, product, ask)
        for vertical in content.verticals()
        for product in (None, *vertical.products)
        for ask in (vertical.asks if product is None else product.asks)
    ]


def a_post(text: str) -> Post:
    return Post("p1", EVERYBODY.rooms[0].id, text, EVENING)


def test_the_same_seed_tells_the_same_story() -> None:
    again = community.found(7, 12, 28, ["demo-1"])
    assert again == EVERYBODY
    assert said_in(again.rooms[3], again) == said_in(EVERYBODY.rooms[3])


def test_another_seed_tells_another_story() -> None:
    other = community.found(8, 12, 28, ["demo-1"])
    assert said_in(other.rooms[3], other) != said_in(EVERYBODY.rooms[3])


def test_a_room_talks_the_same_however_many_rooms_and_days_there_are() -> None:
    day = community.LAST_DAY
    fewer = community.found(7, 12, 3, ["demo-1"])
    assert [room.id for room in fewer.rooms] == [room.id for room in EVERYBODY.rooms]
    assert fewer.days[-1] == EVERYBODY.days[-1] == day


def test_only_who_is_in_a_room_speaks_there() -> None:
    for room in EVERYBODY.rooms:
        stays = {stay.member.id: stay for stay in room.stays}
        for spoken in said_in(room):
            if spoken.sender != room.operator:
                assert stays[spoken.sender.id].covers(spoken.at), spoken


def test_message_ids_name_one_message_each() -> None:
    ids = [spoken.id for room in EVERYBODY.rooms for spoken in said_in(room)]
    assert len(set(ids)) == len(ids)


def test_a_few_members_do_most_of_the_talking_and_many_are_silent() -> None:
    room = EVERYBODY.rooms[0]
    voices: dict[str, int] = {}
    for spoken in said_in(room):
        voices[spoken.sender.id] = voices.get(spoken.sender.id, 0) + 1
    top = sorted(voices.values(), reverse=True)[: len(room.stays) // 10]
    assert sum(top) > 0.3 * sum(voices.values())
    assert len(voices) < 0.9 * len(room.stays)


def test_most_talk_is_in_the_daytime() -> None:
    hours = [
        spoken.at.astimezone(community.ZONE).hour
        for room in EVERYBODY.rooms
        for spoken in said_in(room)
    ]
    assert sum(hour in range(1, 6) for hour in hours) < 0.05 * len(hours)


def test_every_template_can_be_filled() -> None:
    rng = random.Random(1)
    for vertical, product, ask in questions():
        for template in (*ask.questions, *ask.answers):
            filled = content.fill(rng, template, content.scene(rng, vertical, product))
            assert filled and "<" not in filled


def test_everything_that_the_files_say_is_text() -> None:
    for purpose, lines in content.phrases().items():
        assert all(isinstance(line, str) for line in lines), purpose
    for vertical in content.verticals():
        assert all(isinstance(line, str) for chat in vertical.chats for line in chat)


def test_most_questions_are_heard_as_questions() -> None:
    rng = random.Random(1)
    asked = [
        content.fill(rng, template, content.scene(rng, vertical, product))
        for vertical, product, ask in questions()
        for template in ask.questions
    ]
    heard = [text for text in asked if signals.asks("text", wording(text))]
    assert len(heard) > 0.9 * len(asked)


def test_a_message_about_a_product_names_it() -> None:
    for room in EVERYBODY.rooms[:6]:
        for spoken in said_in(room):
            if spoken.sku is not None:
                product = room.vertical.product(spoken.sku)
                names = (product.name, *product.aliases)
                assert spoken.text is not None and any(name in spoken.text for name in names)


def test_no_name_of_a_product_is_part_of_anothers() -> None:
    names = [
        (product.sku, name)
        for vertical in content.verticals()
        for product in vertical.products
        for name in (product.name, *product.aliases)
    ]
    for sku, name in names:
        assert not [other for of, other in names if of != sku and name in other], name


def test_an_opening_starts_talk_after_it_arrived_and_nothing_else_does() -> None:
    room = EVERYBODY.rooms[0]
    started = reactions.after(EVERYBODY, room, a_post(OPENING))
    assert started and all(spoken.at > EVENING for spoken in started)
    assert reactions.after(EVERYBODY, room, a_post("双11提醒")) == []


def test_a_promotion_makes_orders_by_people_who_were_there() -> None:
    room = EVERYBODY.rooms[0]
    (promo, _) = room.vertical.promos
    bought = [
        purchase
        for number in range(20)
        for purchase in shopping.after_promo(EVERYBODY, room, promo, EVENING, f"p{number}")
    ]
    there = {stay.member for stay in room.stays if stay.covers(EVENING)}
    assert bought and all(purchase.buyer in there for purchase in bought)
    assert all(purchase.paid_at > EVENING for purchase in bought)


def test_an_order_that_talk_caused_is_of_the_product_and_after_the_message() -> None:
    room = EVERYBODY.rooms[0]
    caused = [
        (spoken, purchase)
        for spoken in said_in(room)
        if (purchase := shopping.after_talk(EVERYBODY, room, spoken, None)) is not None
    ]
    assert caused
    for spoken, purchase in caused:
        assert purchase.product.sku == spoken.sku
        assert purchase.buyer != spoken.sender
        assert purchase.paid_at > spoken.at


def test_an_operator_rests_at_night() -> None:
    assert stage.working(EVENING) == EVENING
    assert stage.working(EVENING.replace(hour=18)).astimezone(community.ZONE).hour == 9


def test_the_demo_leaves_a_folder_of_somebody_else_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="不是演示目录"):
        home.prepare(tmp_path, 7)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_folder_is_emptied_of_what_the_demo_wrote_and_of_nothing_else(
    tmp_path: Path,
) -> None:
    home.prepare(tmp_path / "demo", 7)
    (tmp_path / "demo" / "qunyun.db").write_text("old")
    (tmp_path / "demo" / "note.txt").write_text("mine")
    home.prepare(tmp_path / "demo", 7)
    assert not (tmp_path / "demo" / "qunyun.db").exists()
    assert (tmp_path / "demo" / "note.txt").read_text() == "mine"


def test_a_demo_never_uses_the_database_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", "sqlite:///real.db")
    monkeypatch.setenv("QUNYUN_POSTS_PER_MINUTE", "1")
    settings = home.settings(tmp_path)
    assert settings.database == f"sqlite:///{tmp_path / 'qunyun.db'}"
    assert settings.posts_per_minute == 40
