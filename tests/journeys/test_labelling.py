"""A person marks random messages, blind to the rules; the rules are judged by the marks."""

import datetime as dt
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from bot import cli, csv_files, database, label_files, labelling, sampling
from bot.errors import InvalidInput
from bot.insights import quality
from bot.labelling import Progress
from bot.models import DrawnMessage, Mark, MarkDraw, SignalKind
from bot.orders import catalogue
from bot.orders.catalogue import ProductRow
from tests.saying import SHANGHAI, local, member_says, names, record, rows

SINCE, UNTIL, NOW = local("2026-11-09 00:00"), local("2026-11-10 00:00"), local("2026-11-10 09:00")


def a_day(engine: Engine) -> None:
    """Some of everything, and 60 remarks of no kind."""
    with database.transaction(engine) as session:
        catalogue.record_products(
            session, [ProductRow("S1", "小鹿奶粉"), ProductRow("S2", "云朵纸尿裤")]
        )
    said = [
        member_says(f"今天聊了第{n}件家常事", f"2026-11-09 10:{n:02}", id=f"n{n}")
        for n in range(60)
    ]
    record(
        engine,
        *said,
        member_says("小鹿奶粉多少钱", "2026-11-09 11:00", id="asked"),
        member_says("云朵纸尿裤用了一天就漏了,质量太差", "2026-11-09 11:01", id="bad", sender="wxid_b"),
        member_says("外观有划痕吗", "2026-11-09 11:02", id="unsure", sender="wxid_c"),
        member_says("我是机器人", "2026-11-09 11:03", id="own", own=True),
        member_says("撤回的", "2026-11-09 11:04", id="gone", sender="wxid_c"),
        member_says(None, "2026-11-09 11:05", type="recall", recalls="gone"),
        member_says(None, "2026-11-09 11:06", type="image"),
        member_says("昨天说的", "2026-11-08 11:06", id="earlier"),
    )  # fmt: skip


def drawn(engine: Engine, count: int = 30, seed: int = 7) -> int:
    with database.transaction(engine) as session:
        return sampling.draw(session, count, seed, SINCE, UNTIL, "小李")


def test_only_standing_texts_of_members_are_drawn_and_each_with_its_chance(engine: Engine) -> None:
    a_day(engine)
    assert drawn(engine, count=1000) == 63
    called = names(engine)
    by_name = {called[row.message_id]: row for row in rows(engine, DrawnMessage)}
    assert by_name.keys() == {"asked", "bad", "unsure", *(f"n{n}" for n in range(60))}
    strata = {name: by_name[name].stratum for name in ("asked", "bad", "unsure", "n1")}
    assert strata == {"asked": "product", "bad": "complaint", "unsure": "unsure", "n1": "none"}
    assert {row.probability for row in by_name.values()} == {1.0}
    (drawing,) = rows(engine, MarkDraw)
    assert drawing.sizes == {"complaint": 1, "none": 60, "product": 1, "unsure": 1}
    assert (drawing.seed, drawing.by) == (7, "小李")


def test_a_time_is_drawn_from_once(engine: Engine) -> None:
    a_day(engine)
    assert drawn(engine) == 30
    with pytest.raises(InvalidInput, match="已经抽过"):
        drawn(engine)
    with database.transaction(engine) as session:
        assert sampling.drawn_until(session) == UNTIL
        assert sampling.draw(session, 30, 7, UNTIL, NOW, "小李") == 0


def test_marks_skips_and_undoing_lead_on_and_back(engine: Engine) -> None:
    a_day(engine)
    drawn(engine)
    with database.transaction(engine) as session:
        first = labelling.next_waiting(session)
        assert first is not None
        labelling.mark(session, first, [SignalKind.COMPLAINT], [1], "小李", NOW)
        second = labelling.next_waiting(session)
        assert second is not None and second.place == first.place + 1
        labelling.skip(session, second, NOW + dt.timedelta(seconds=1))
        assert labelling.progress(session) == Progress(marked=1, skipped=1, waiting=28)
        assert labelling.undo(session)
        assert labelling.next_waiting(session) == second
        assert labelling.undo(session)
        assert labelling.next_waiting(session) == first
        assert not labelling.undo(session)
        assert labelling.progress(session) == Progress(marked=0, skipped=0, waiting=30)


def test_what_was_said_before_is_shown_and_what_was_recalled_since_is_not(engine: Engine) -> None:
    a_day(engine)
    drawn(engine, count=1000)
    with database.transaction(engine) as session:
        while (shown := labelling.next_waiting(session)) and shown.said.text != "外观有划痕吗":
            labelling.skip(session, shown, NOW)
    assert shown is not None
    assert [said.text for said in shown.before][-2:] == [
        "小鹿奶粉多少钱",
        "云朵纸尿裤用了一天就漏了,质量太差",
    ]
    record(engine, member_says(None, "2026-11-09 12:00", type="recall", recalls="unsure"))
    with database.reading(engine) as session:
        after = labelling.next_waiting(session)
    assert after is None or after.said.text != "外观有划痕吗"


def test_rates_are_those_of_the_whole_day(engine: Engine) -> None:
    """Marked as it is: one complaint heard, one that the rules were unsure of, and one product
    that the rules do not know by that name.
    """
    a_day(engine)
    drawn(engine, count=1000)
    with database.transaction(engine) as session:
        while shown := labelling.next_waiting(session):
            complains = shown.said.text.startswith(("云朵", "外观"))
            products = (
                [2] if "纸尿裤" in shown.said.text else [1] if "奶粉" in shown.said.text else []
            )
            kinds = [SignalKind.COMPLAINT] if complains else []
            labelling.mark(session, shown, kinds, products, "小李", NOW)
        report = quality.of(session)
    found = {one.signal: one for one in report.signals}
    complaint, product = found["complaint"], found["product_mention"]
    assert (complaint.right, complaint.wrong, complaint.missed) == (1, 0, 1)
    assert (product.right, product.wrong, product.missed) == (2, 0, 0)
    assert complaint.recall is not None and complaint.recall.value == pytest.approx(0.5)
    assert (report.marks, report.unsure, report.unsure_complaints) == (63, 1, 1)
    # Nobody marked a question as one.
    assert found["question"].wrong == 2


def import_labels(engine: Engine, folder: Path, content: str) -> csv_files.Imported:
    path = folder / "labels.csv"
    path.write_text(content, "utf-8")
    reading = label_files.read_rows(path, SHANGHAI)
    assert not reading.faults
    with database.transaction(engine) as session:
        return label_files.record(session, reading.rows, "小李", NOW)


def test_labels_of_a_file_are_marks_and_the_same_file_changes_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    a_day(engine)
    content = "消息,商品编码,信号\nasked,S1,提问|问价\nbad,S2,\nbad,S1,\nn1,,-\n"
    assert import_labels(engine, tmp_path, content).created == 3
    assert import_labels(engine, tmp_path, content).unchanged == 3
    called = names(engine)
    marks = {called[row.message_id]: (row.kinds, row.products) for row in rows(engine, Mark)}
    assert marks == {
        "asked": (["price_question", "question"], [1]),
        "bad": (None, [1, 2]),
        "n1": ([], []),
    }
    # Picked, not drawn: no rates come from them.
    with database.reading(engine) as session:
        assert quality.of(session).marks == 0


def test_what_is_exported_is_read_back(engine: Engine, tmp_path: Path) -> None:
    a_day(engine)
    drawn(engine)
    with database.transaction(engine) as session:
        shown = labelling.next_waiting(session)
        assert shown is not None
        labelling.mark(session, shown, [], None, "小李", NOW)
    import_labels(engine, tmp_path, "message,sku\nasked,S1\nbad,S1\nbad,S2\n")
    before = rows(engine, Mark)
    with database.reading(engine) as session, (tmp_path / "out.csv").open("wb") as target:
        csv_files.write(target, label_files.HEADER, label_files.export(session))
    content = (tmp_path / "out.csv").read_text("utf-8-sig")
    assert content.splitlines()[0] == "room,message,sku,kinds,drawn,stratum,probability,by,at"
    done = import_labels(engine, tmp_path, content)
    assert (done.created, done.changed) == (0, 0)
    assert rows(engine, Mark) == before


def test_a_wrong_label_says_where_and_what_to_do(engine: Engine, tmp_path: Path) -> None:
    a_day(engine)
    record(engine, member_says("别的群", "2026-11-09 11:00", id="asked", room="room2@chatroom"))
    content = "message,sku\nasked,S1\nnobody,S1\nbad,S9\nn1,\nn1,S1\n"
    done = import_labels(engine, tmp_path, content)
    assert [(fault.line, fault.column) for fault in done.faults] == [
        (2, "message"),
        (3, "message"),
        (4, "sku"),
        (6, "sku"),
    ]
    assert import_labels(
        engine, tmp_path, "room,message,sku\nroom1@chatroom,asked,S1\n"
    ).created == 1  # fmt: skip


@pytest.fixture
def typed(database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    a_day(engine)
    return CliRunner()


def run(runner: CliRunner, *words: str, lines: str = "") -> Result:
    done = runner.invoke(cli.app, words, input=lines)
    assert done.exit_code == 0, done.output
    return done


def test_the_terminal_marks_stops_goes_on_and_never_tells_what_the_rules_say(
    typed: CliRunner, engine: Engine
) -> None:
    words = ("label", "--since", "2026-11-09", "--count", "20")
    # Marked a complaint of S2; none; skipped; the skip undone; stop.
    done = run(typed, *words, lines="c\nS2\n\n\n-\nu\nx\n")
    assert "抽了 20 条" in done.output and "标了 2 条,跳过 0 条,还剩 18 条" in done.output
    assert not {"stratum", "complaint", "unsure"} & set(done.output.split())
    assert sorted((row.kinds, row.products) for row in rows(engine, Mark)) == [
        ([], []),
        (["complaint"], [2]),
    ]
    done = run(typed, *words, lines="不知道\nqp\n没有的\n小鹿奶粉|S2\nx\n")
    assert "抽了" not in done.output and "不认识 不知道" in done.output
    assert "没有商品 没有的" in done.output and "标了 3 条" in done.output
    told = json.loads(run(typed, "quality", "--json").output)
    assert told["marks"] == 3 and told["rule_version"]
    assert "随机抽出、人标过的 3 条" in run(typed, "quality").output
    exported = run(typed, "labels", "export").stdout.splitlines()
    assert len(exported) == 5  # a header; one message has two products
