"""What operators hand in as CSV: taken in once, wrong rows named, nothing changed by half a file."""

import datetime as dt
import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine, func, select
from sqlmodel import Session, SQLModel
from typer.testing import CliRunner

from bot import database, faq, membership_files, room_files, roster
from bot.commands import attribute, data
from bot.csv_files import Imported
from bot.errors import InvalidInput
from bot.models import (
    SINCE_EVER,
    Account,
    Campaign,
    Contact,
    Faq,
    IdentityEdge,
    Membership,
    Product,
    ProductAlias,
    Role,
    Room,
    RoomTag,
)
from bot.orders import catalogue
from bot.roster import Moves
from tests.saying import SHANGHAI, contents

NOON = dt.datetime(2026, 11, 3, 4, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECRET = b"secret"

ROOMS = """群,群名,垂类,时区,标签,账号,负责人
room1@chatroom,宝妈 1 群,宝妈育儿,,新人|华东,bot-a,小李
room2@chatroom,宝妈 2 群,宝妈育儿,Asia/Urumqi,,,
"""
MEMBERSHIPS = """room,sender,unionid,phone,joined_at,left_at,role
room1@chatroom,wxid_a,u1,138 0013 8000,2026-11-01 08:00,,member
room1@chatroom,wxid_b,,,2026-10-01 08:00,2026-10-05 08:00,
room1@chatroom,wxid_b,,,2026-10-20 08:00,,koc
room2@chatroom,wxid_c,,,,,运营
"""


def a_file(folder: Path, content: str) -> Path:
    path = folder / "file.csv"
    path.write_text(content, "utf-8")
    return path


def import_rooms(engine: Engine, path: Path) -> tuple[Imported, frozenset[int]]:
    with database.transaction(engine) as session:
        return room_files.record(session, room_files.read_rows(path, SHANGHAI).rows)


def import_memberships(engine: Engine, path: Path) -> Imported:
    rows = membership_files.read_rows(path, SHANGHAI).rows
    with database.transaction(engine) as session:
        return membership_files.record(session, rows, SECRET, NOON)


def test_rooms_are_made_once_and_empty_cells_leave_values_alone(
    engine: Engine, tmp_path: Path
) -> None:
    first, rezoned = import_rooms(engine, a_file(tmp_path, ROOMS))
    assert (first, rezoned) == (Imported(created=2), frozenset())
    before = contents(engine, Room, RoomTag, Account)
    assert before[2][0][1:3] == ("bot-a", "")
    again, rezoned = import_rooms(engine, a_file(tmp_path, ROOMS))
    assert (again, rezoned) == (Imported(unchanged=2), frozenset())
    import_rooms(engine, a_file(tmp_path, "room,topic,tags\nroom1@chatroom,,\n"))
    assert contents(engine, Room, RoomTag, Account) == before


def test_a_room_allows_calling_everyone_where_the_file_says_so(
    engine: Engine, tmp_path: Path
) -> None:
    import_rooms(engine, a_file(tmp_path, "群,允许@所有人\nr1,是\nr2,\n"))
    import_rooms(engine, a_file(tmp_path, "群,允许@所有人\nr1,\n"))
    with database.reading(engine) as session:
        room = database.table(Room)
        rows = session.connection().execute(select(room.c.platform_id, room.c.mention_all))
    assert {row.platform_id: row.mention_all for row in rows} == {"r1": True, "r2": False}


def test_rooms_whose_zone_changed_are_told(engine: Engine, tmp_path: Path) -> None:
    import_rooms(engine, a_file(tmp_path, ROOMS))
    done, rezoned = import_rooms(
        engine, a_file(tmp_path, "room,zone\nroom1@chatroom,Asia/Tokyo\nroom2@chatroom,\n")
    )
    with database.reading(engine) as session:
        room = database.table(Room).c
        tokyo = session.connection().scalar(select(room.id).where(room.zone == "Asia/Tokyo"))
    assert (done.changed, done.unchanged, set(rezoned)) == (1, 1, {tokyo})


def test_memberships_make_what_is_new_and_repeat_without_a_change(
    engine: Engine, tmp_path: Path
) -> None:
    assert import_memberships(engine, a_file(tmp_path, MEMBERSHIPS)) == Imported(created=3)
    before = contents(engine, Room, Contact, Membership, IdentityEdge)
    assert [len(rows) for rows in before] == [2, 3, 4, 2]
    assert "13800138000" not in repr(before)
    assert import_memberships(engine, a_file(tmp_path, MEMBERSHIPS)) == Imported(unchanged=3)
    assert contents(engine, Room, Contact, Membership, IdentityEdge) == before


def test_a_known_join_time_replaces_since_ever_and_a_role_is_kept(
    engine: Engine, tmp_path: Path
) -> None:
    import_memberships(engine, a_file(tmp_path, "room,sender,role\nr@chatroom,wxid_a,koc\n"))
    file = "room,sender,joined_at\nr@chatroom,wxid_a,2026-11-01 08:00\n"
    assert import_memberships(engine, a_file(tmp_path, file)).changed == 1
    ((_, _, _, joined_at, left_at, role),) = contents(engine, Membership)[0]
    assert joined_at == dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    assert (left_at, role) == (None, Role.KOC)


def test_a_stay_that_ends_before_it_begins_is_a_fault(engine: Engine, tmp_path: Path) -> None:
    head = "room,sender,joined_at,left_at\nr@chatroom,wxid_a,"
    reading = membership_files.read_rows(
        a_file(tmp_path, f"{head}2026-11-02 08:00,2026-11-01 08:00\n"), SHANGHAI
    )
    assert [(fault.line, fault.column) for fault in reading.faults] == [(2, "left_at")]
    import_memberships(engine, a_file(tmp_path, f"{head}2026-11-02 08:00,\n"))
    done = import_memberships(engine, a_file(tmp_path, f"{head},2026-11-01 08:00\n"))
    assert (done.unchanged, len(done.faults)) == (1, 1)


def test_the_gateways_lists_joins_and_leaves_become_stays(engine: Engine) -> None:
    with database.transaction(engine) as session:
        room, ours, a, b, c = _some_room(session)
        assert roster.list_members(session, room, [a, b, ours], NOON).joined == (ours, a, b)
        assert roster.list_members(session, room, [a, b, ours], NOON + HOUR) == Moves()
        assert roster.list_members(session, room, [], NOON + HOUR) == Moves()
        later = NOON + 2 * HOUR
        assert roster.list_members(session, room, [b, c, ours], later) == Moves((c,), (a,))
        assert roster.join(session, room, [a, b], NOON + 3 * HOUR).joined == (a,)
        assert roster.join(session, room, [a, b], NOON + 3 * HOUR).joined == ()
        assert roster.leave(session, room, [a], NOON + 4 * HOUR).left == (a,)
        assert roster.leave(session, room, [a], NOON + 4 * HOUR).left == ()
        assert roster.join(session, room, [a], NOON + 3 * HOUR).joined == ()
    stays = {(row[2], row[3]): row[4:] for row in contents(engine, Membership)[0]}
    assert stays == {
        (ours, SINCE_EVER): (None, Role.BOT),
        (a, SINCE_EVER): (later, Role.MEMBER),
        (a, NOON + 3 * HOUR): (NOON + 4 * HOUR, Role.MEMBER),
        (b, SINCE_EVER): (None, Role.MEMBER),
        (c, later): (None, Role.MEMBER),
    }


def test_products_and_their_aliases_are_made_and_changed_once(
    engine: Engine, tmp_path: Path
) -> None:
    file = "商品编码,商品名,别名,类目,价格\nA1,小熊纸尿裤,纸尿裤|尿不湿,母婴,99.00\nA2,奶瓶,,,\n"
    done = _import_products(engine, a_file(tmp_path, file))
    assert done == Imported(created=2)
    before = contents(engine, Product, ProductAlias)
    assert before[0][0][1:] == ("A1", "小熊纸尿裤", "母婴", 9_900)
    assert _import_products(engine, a_file(tmp_path, file)) == Imported(unchanged=2)
    assert contents(engine, Product, ProductAlias) == before
    changed = _import_products(engine, a_file(tmp_path, "sku,name,aliases\nA1,小熊纸尿裤,纸尿裤\n"))
    assert changed == Imported(changed=1)
    assert len(contents(engine, ProductAlias)[0]) == 1


def test_a_campaign_of_an_unknown_sku_is_a_fault(engine: Engine, tmp_path: Path) -> None:
    _import_products(engine, a_file(tmp_path, "sku,name\nA1,奶瓶\n"))
    path = a_file(
        tmp_path,
        "campaign,sku,coupon,link,starts_at,ends_at\n"
        "双11,A1,D11,https://s.example/a,2026-11-01,2026-11-12\n"
        "双11,A9,D11,,2026-11-01,2026-11-12\n双12,A1,,,,2026-12-13\n双旦,A1,,,2027-01-02,2027-01-01\n",
    )
    rows = catalogue.read_campaigns(path, SHANGHAI).rows
    with database.transaction(engine) as session:
        done = catalogue.record_campaigns(session, rows)
        again = catalogue.record_campaigns(session, rows)
    assert (done.created, [(fault.line, fault.column) for fault in done.faults]) == (
        1,
        [(3, "sku"), (4, "starts_at"), (5, "ends_at")],
    )
    assert (again.created, again.unchanged) == (0, 1)
    assert len(contents(engine, Campaign)[0]) == 1


def test_faq_entries_are_named_by_vertical_and_question(engine: Engine, tmp_path: Path) -> None:
    path = a_file(
        tmp_path, "垂类,问题,答案,问法\n宝妈育儿,怎么退货,七天内都行,退货|能退吗\n,几点发货,,\n"
    )
    rows = faq.read_rows(path, SHANGHAI).rows
    with database.transaction(engine) as session:
        done = faq.record(session, rows)
        assert (done.created, [fault.line for fault in done.faults]) == (1, [3])
        assert faq.record(session, rows).unchanged == 1
        changed = faq.record(session, [faq.FaqRow("怎么退货", "十五天内都行", "宝妈育儿")])
    assert changed == Imported(changed=1)
    assert contents(engine, Faq)[0][0][2:5] == ("怎么退货", "十五天内都行", ["退货", "能退吗"])


@pytest.fixture
def cli(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[CliRunner, typer.Typer]:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path / "home"))
    app = typer.Typer()
    data.register(app)
    attribute.register(app)
    return CliRunner(), app


def test_a_wrong_row_changes_nothing_unless_the_good_ones_are_accepted(
    cli: tuple[CliRunner, typer.Typer], engine: Engine, tmp_path: Path
) -> None:
    runner, app = cli
    path = str(a_file(tmp_path, "sku,name,price\nA1,奶瓶,39.90\nA2,奶嘴,便宜\n"))
    refused = runner.invoke(app, ["products", "import", path, "--json"])
    assert isinstance(refused.exception, InvalidInput)
    assert (refused.exception.faults[0].line, refused.exception.faults[0].column) == (3, "price")
    assert json.loads(refused.stdout)["created"] == 0
    assert _count(engine, Product) == 0
    taken = runner.invoke(app, ["products", "import", path, "--accept-good"])
    assert (taken.exit_code, _count(engine, Product)) == (1, 1)
    assert "file.csv:3 [price]" in taken.stderr
    right = str(a_file(tmp_path, "sku,name,price\nA2,奶嘴,9.9\n"))
    done = runner.invoke(app, ["products", "import", right, "--json"])
    assert (done.exit_code, json.loads(done.stdout)["created"]) == (0, 1)


def test_every_kind_of_file_is_imported_by_its_command(
    cli: tuple[CliRunner, typer.Typer], engine: Engine, tmp_path: Path
) -> None:
    runner, app = cli
    files = {
        "products": "sku,name\nA1,奶瓶\n",
        "rooms": ROOMS,
        "memberships": MEMBERSHIPS,
        "campaigns": "campaign,sku,coupon,starts_at,ends_at\n双11,A1,D11,2026-11-01,2026-11-12\n",
        "faq": "question,answer\n几点发货,四点前当天发\n",
        "orders": "order_id,line_no,sku,quantity,amount,paid_at,status,buyer_id,buyer_phone,"
        "unionid,coupon,channel\nO1,1,A1,1,39.90,2026-11-03 20:00,已支付,,,u1,D11,有赞\n",
    }
    for kind, content in files.items():
        options = [kind, "import", str(a_file(tmp_path, content)), "--zone", "Asia/Shanghai"]
        assert runner.invoke(app, options).exit_code == 0, kind
    told = runner.invoke(app, ["attribute", "--json"])
    assert json.loads(told.stdout)["labels"]["promo"] == 1
    wrong = runner.invoke(app, [*options[:-1], "Mars/Base"])
    assert isinstance(wrong.exception, InvalidInput)


def _import_products(engine: Engine, path: Path) -> Imported:
    rows = catalogue.read_products(path, SHANGHAI).rows
    with database.transaction(engine) as session:
        return catalogue.record_products(session, rows)


def _some_room(session: Session) -> tuple[int, ...]:
    database.insert_rows(
        session, Room, [{"platform_id": "r", "topic": "", "vertical": "", "owner": ""}]
    )
    database.insert_rows(session, Contact, [{"platform_id": x, "name": ""} for x in "oabc"])
    room = session.connection().scalar(select(database.table(Room).c.id))
    contact = database.table(Contact).c
    ids = session.connection().scalars(select(contact.id).order_by(contact.id)).all()
    session.add(Account(name="bot-a", gateway="memory", contact_id=ids[0]))
    session.flush()
    return (room or 0, *ids)


def _count(engine: Engine, model: type[SQLModel]) -> int:
    with database.reading(engine) as session:
        found = session.connection().scalar(select(func.count()).select_from(database.table(model)))
    return found or 0
