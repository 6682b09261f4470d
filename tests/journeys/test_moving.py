"""An installation moves whole: every row counted and summed up, cut short anywhere, backed up."""

import datetime as dt
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from bot import backups, database, heartbeats, moving, partitions, rebuilding, retention
from bot.bench import databases
from bot.errors import InvalidInput
from bot.models import (
    Account,
    Contact,
    DroppedDay,
    Message,
    MessageIdentity,
    OwnWord,
    Product,
    Room,
    SealedDay,
    WordKind,
)
from tests.saying import SHANGHAI, local, member_says, record, rows, rules

NOW = local("2026-11-20 15:00")
SECRET = "ab" * 32


def settle(engine: Engine, messages: int = 120) -> None:
    with database.transaction(engine) as session:
        session.add(Product(sku="BAG", name="云柔睡袋", price=9_900))
        session.add(Account(name="bot", gateway="memory", capabilities={"read": "all"}))
        session.add(OwnWord(word="云柔", kind=WordKind.WORD, by="小李", at=NOW))
    texts = ["云柔睡袋好用吗?", "lone \ud83d and NUL \x00", "", "😀" * 50, None, "打卡", "\ufdd0"]
    record(
        engine,
        *(
            member_says(
                texts[n % len(texts)], f"2026-11-{n % 19 + 1:02} 1{n % 10}:00",
                sender=f"wxid_{n % 7}", room=f"room{n % 3}@chatroom", id=f"m{n}", name="小雨妈",
                type="text" if texts[n % len(texts)] is not None else "image",
            )
            for n in range(messages)
        ),
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    (tmp_path / "source.db").write_bytes(sqlite_template.read_bytes())
    engine = database.connect(f"sqlite:///{tmp_path / 'source.db'}")
    settle(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def target(postgresql_server: str) -> Iterator[Engine]:
    """An empty database without a schema."""
    with databases.postgresql_database(postgresql_server, "qunyun_moved") as url:
        engine = database.connect(url, pooled=False)
        yield engine
        engine.dispose()


def move(source: Engine, target: Engine) -> list[moving.Copied]:
    with moving.view(source) as opened:
        moving.prepare(opened, target)
        for _ in moving.copy(opened, target):
            pass
        found = moving.verify(opened, target)
    moving.finish(target)
    return found


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row; PostgreSQL sorts text otherwise than SQLite."""
    return {
        table.name: sorted(map(tuple, _all(engine, table)), key=repr)
        for table in SQLModel.metadata.sorted_tables
    }


def _all(engine: Engine, table: object) -> list[tuple[object, ...]]:
    with database.reading(engine) as session:
        return [tuple(row) for row in session.connection().execute(select(table))]  # type: ignore[call-overload]


def test_every_row_moves_and_work_goes_on_there(source: Engine, target: Engine) -> None:
    found = move(source, target)
    assert all(one.agrees for one in found)
    assert {one.table: one.rows for one in found}["message"] == 120
    assert contents(target) == contents(source)
    assert all(one.agrees for one in rebuilding.check(target, rules(target), NOW))
    # Numbers go on after the highest, and what was known is known.
    before = max(row.id for row in rows(target, MessageIdentity))
    outcome = record(target, member_says("新的", "2026-11-20 10:00", id="new"), member_says("旧", id="m1", room="room1@chatroom"))  # fmt: skip
    assert (outcome.accepted, outcome.duplicates) == (1, 1)
    assert max(row.id for row in rows(target, MessageIdentity)) > before
    with database.transaction(target) as session:
        session.add(Contact(platform_id="wxid_new"))
    # Each day has its partition.
    days = {row.day for row in rows(source, Message)}
    assert partitions.existing(target) >= days


def test_a_move_goes_on_where_it_was_cut_short(source: Engine, target: Engine) -> None:
    parts = 0
    for stops in (1, 9, 20, 10_000):
        with moving.view(source) as opened:
            moving.prepare(opened, target)
            work = moving.copy(opened, target)
            for _ in range(stops):
                if next(work, None) is None:
                    break
                parts += 1
            work.close()  # type: ignore[attr-defined]
    assert parts == len(SQLModel.metadata.sorted_tables), "no table was copied twice"
    assert all(one.agrees for one in move(source, target))
    assert contents(target) == contents(source)


def test_what_was_changed_or_lost_on_the_way_is_found(source: Engine, target: Engine) -> None:
    move(source, target)
    message, product = database.tables(Message, Product)
    with database.transaction(target) as session:
        session.connection().execute(product.update().values(price=9_901))
        session.connection().execute(message.delete().where(message.c.text == "打卡"))
    with moving.view(source) as opened:
        found = {one.table: one for one in moving.verify(opened, target)}
    assert {name for name, one in found.items() if not one.agrees} == {"message", "product"}


def test_a_target_that_holds_something_is_refused(source: Engine, target: Engine) -> None:
    database.migrate(target)
    with database.transaction(target) as session:
        session.add(Room(platform_id="somebody's"))
    with moving.view(source) as opened, pytest.raises(InvalidInput, match="已有数据"):
        next(moving.copy(opened, target))
    assert [row.platform_id for row in rows(target, Room)] == ["somebody's"]


def test_an_installation_at_work_is_not_moved(source: Engine) -> None:
    with database.transaction(source) as session:
        account = database.table(Account)
        session.connection().execute(account.update().values(lease_until=NOW))
    with moving.view(source) as opened:
        assert moving.still_running(opened, NOW - dt.timedelta(seconds=1))
        assert not moving.still_running(opened, NOW)
    with database.transaction(source) as session:
        # Its account is away, but it goes its rounds.
        assert heartbeats.take(session, heartbeats.PLANNER, "host:1", NOW)
    with moving.view(source) as opened:
        assert moving.still_running(opened, NOW + dt.timedelta(seconds=30))
        assert not moving.still_running(opened, NOW + dt.timedelta(minutes=1))


def test_nobody_writes_while_an_installation_moves(engine: Engine) -> None:
    wants = {"sqlite": "PRAGMA busy_timeout = 0", "postgresql": "SET lock_timeout = '100ms'"}
    with moving.at_rest(engine) as opened:
        assert not moving.still_running(opened, NOW)
        with engine.connect() as other, pytest.raises(OperationalError):
            other.execution_options(reads=True).exec_driver_sql(wants[engine.dialect.name])
            other.execute(insert(database.table(Room)).values(platform_id="late@chatroom"))
    with database.transaction(engine) as session:
        session.add(Room(platform_id="after@chatroom"))


def test_a_killed_move_is_finished_by_the_same_command(
    source: Engine, target: Engine, tmp_path: Path
) -> None:
    with database.transaction(source) as session:
        # Enough that a kill comes in the middle.
        names = [{"platform_id": f"wxid_many_{n}", "name": f"名{n}"} for n in range(30_000)]
        session.connection().execute(insert(database.table(Contact)), names)
    source.dispose()
    url = target.url.render_as_string(hide_password=False).replace("+psycopg", "")
    command = [sys.executable, "-m", "bot", "move", "--to", url]
    environment = os.environ | {
        "QUNYUN_HOME": str(tmp_path), "QUNYUN_DATABASE_URL": f"sqlite:///{tmp_path / 'source.db'}",
    }  # fmt: skip
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    while _copied(target) < 4_000:
        assert running.poll() is None, "it was done before it could be killed"
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert 4_000 <= _copied(target) < 30_000
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "contact: 30007 行,一致" in done.stdout
    assert contents(target) == contents(source)


def _copied(target: Engine) -> int:
    """How many contacts are there already; 0 before there is a table."""
    with target.connect() as connection:
        there = connection.exec_driver_sql("SELECT to_regclass('contact') IS NOT NULL").scalar()
        if not there:
            return 0
        return int(connection.exec_driver_sql("SELECT count(*) FROM contact").scalar() or 0)


def test_a_backup_of_either_database_is_restored_into_either(
    engine: Engine, target: Engine, tmp_path: Path
) -> None:
    settle(engine)
    home, other = tmp_path / "home", tmp_path / "other"
    (home / "attachments").mkdir(parents=True)
    (home / "attachments" / "poster.png").write_bytes(b"png")
    # As tools leave it that keep what is equal once.
    (home / "attachments" / "again.png").hardlink_to(home / "attachments" / "poster.png")
    (home / "secret").write_text(SECRET)
    file = tmp_path / "backup.tar"
    for _ in backups.make(engine, home, file, NOW):
        pass
    assert file.stat().st_mode & 0o777 == 0o600
    before = contents(engine)
    record(engine, member_says("备份之后", "2026-11-20 12:00", id="after"))
    for place in (target, database.connect(f"sqlite:///{tmp_path / 'restored.db'}")):
        database.migrate(place)
        folder = other / place.dialect.name
        told = [
            one for one in backups.restore(file, place, folder) if isinstance(one, moving.Copied)
        ]
        assert all(one.agrees for one in told)
        assert contents(place) == before
        assert (folder / "secret").read_text() == SECRET
        for name in ("poster.png", "again.png"):
            assert (folder / "attachments" / name).read_bytes() == b"png"
        assert all(one.agrees for one in rebuilding.check(place, rules(place), NOW))
        with pytest.raises(InvalidInput, match="已有一个装置"):
            next(backups.restore(file, place, folder))
        place.dispose()
    with pytest.raises(InvalidInput, match="文件已存在"):
        next(backups.make(engine, home, file, NOW))
    with tarfile.open(tmp_path / "else.tar", "w") as packed:
        packed.add(home / "secret", "secret")
        packed.add(home / "secret", "../escaped")
    with pytest.raises(InvalidInput, match="不是 qunyun 的备份"):
        next(backups.restore(tmp_path / "else.tar", engine, tmp_path / "nowhere"))
    assert not (tmp_path / "escaped").exists()


def test_partitions_are_made_ahead_and_dropped_when_their_time_has_come(
    postgresql_server: str,
) -> None:
    with databases.postgresql_database(postgresql_server, "qunyun_parts") as url:
        engine = database.connect(url, pooled=False)
        database.migrate(engine)
        first = dt.date(2026, 9, 10)
        before = first - dt.timedelta(days=1)
        record(engine, member_says("默认分区里的一天", f"{before} 12:00", id="old"))
        record(engine, member_says("比分区早到", f"{first} 12:00", id="early"))
        assert sum(partitions.steps(engine, first)) == 8
        assert sum(partitions.steps(engine, first)) == 0
        record(
            engine,
            *(
                member_says(f"第{n}天说一句", f"{first + dt.timedelta(days=n)} 12:00", id=f"p{n}")
                for n in range(1, 8)
            ),
        )
        with engine.connect() as connection:
            counted = "SELECT count(*) FROM message_p_default"
            assert connection.exec_driver_sql(counted).scalar() == 1
        now = local("2026-10-20 04:00")
        left = {row.day for row in rows(engine, Message)}
        went = sum(retention.steps(engine, SHANGHAI, 35, now))
        assert went == 5
        assert {row.day for row in rows(engine, DroppedDay)} == {
            first + dt.timedelta(days=n) for n in range(-1, 4)
        }
        assert partitions.existing(engine) == {first + dt.timedelta(days=n) for n in range(4, 8)}
        assert {row.day for row in rows(engine, Message)} == left - {
            first + dt.timedelta(days=n) for n in range(-1, 4)
        }
        assert len(rows(engine, SealedDay)) > 4
        assert all(one.agrees for one in rebuilding.check(engine, rules(engine), now))
        engine.dispose()


def test_a_partition_waits_for_nobody(postgresql_server: str) -> None:
    with databases.postgresql_database(postgresql_server, "qunyun_busy") as url:
        engine = database.connect(url, pooled=False)
        database.migrate(engine)
        day = dt.date(2026, 11, 21)
        with database.transaction(engine) as busy:
            busy.connection().execute(select(database.table(Message))).all()
            assert partitions.make(engine, day) == 0
            # Whoever comes meanwhile is not held up for good: the lock was given back.
            record(engine, member_says("照样记", "2026-11-20 12:00"))
        assert partitions.make(engine, day) == 1
        engine.dispose()
