"""Settings: shown with their variables; words and days are edited here."""

from bot import database
from bot.models import OperatorRole
from content_calendar import holidays, words
from tests.console.conftest import NOW, Desk

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole


async def test_every_setting_says_its_variable_and_whether_it_was_chosen(desk: Desk) -> None:
    desk.restart(posts_per_day=321)
    async with desk.signed_in("阿原", VIEWER) as browser:
        page = (await browser.get("/settings")).text
    assert "QUNYUN_QUIET_HOURS" in page
    assert "22:30–08:00" in page
    assert "321" in page
    assert 'action="/settings/words"' not in page


async def test_the_addresses_of_gateways_are_never_shown(desk: Desk) -> None:
    desk.restart(gateways=("robot://wecom/secret-key",))
    async with desk.signed_in("小林", ADMIN) as browser:
        assert "secret-key" not in (await browser.get("/settings")).text


async def test_words_are_added_found_and_taken_away(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        await browser.post("/settings/words", data={"fresh": "最好\n第一\n\n"})
        found = (await browser.get("/settings?search=第一")).text
        assert "第一" in found
        assert "最好" not in found
        await browser.post("/settings/words/remove", data={"word": "第一"})
        assert "words.add" in (await browser.get("/audit")).text
    with database.reading(desk.engine) as session:
        assert words.listed(session) == ["最好"]


async def test_a_day_is_said_and_taken_back(desk: Desk) -> None:
    day = (NOW.date()).replace(day=30)
    async with desk.signed_in("小林", ADMIN) as browser:
        said = {"day": str(day), "kind": "blackout", "note": "店庆"}
        assert (await browser.post("/settings/days", data=said)).status_code == 303
        assert "店庆" in (await browser.get("/settings")).text
        with database.reading(desk.engine) as session:
            assert day in holidays.load(session).special
        await browser.post(f"/settings/days/{day}/forget")
    with database.reading(desk.engine) as session:
        assert not holidays.load(session).special


async def test_odd_input_is_refused(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        assert (await browser.get("/settings?search=%00&number=-4&year=99999")).status_code == 200
        assert (await browser.post("/settings/words", data={"fresh": "。。"})).status_code == 422
        odd = await browser.post("/settings/days", data={"day": "x", "kind": "blackout"})
        assert odd.status_code == 422
