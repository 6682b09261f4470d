"""Operators' own words: added while the app runs, and taken up by it; known by a version."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from typer.testing import CliRunner

from bot import app as app_module
from bot import cli, database, own_words, process, rebuilding, terms
from bot.errors import InvalidInput
from bot.models import Audit, Mention, Message, OwnWord, Product, WordKind
from tests.journeys.test_app import Clock, community, settings
from tests.saying import local, member_says, record, rows, rules
from tests.watching import running, until

NOW = local("2026-11-11 12:00")


async def test_a_running_app_takes_up_words_and_aliases_without_a_restart(
    engine: Engine, tmp_path: Path
) -> None:
    clock = Clock(NOW)
    gateway = community(clock)
    with database.transaction(engine) as session:
        session.add(Product(sku="BAG", name="云柔睡袋"))
    app = app_module.build(settings(tmp_path), engine, [gateway], clock)
    async with running(app):
        gateway.say("r0@chatroom", "wxid_0_0", "小云云收到了")
        await until(app, lambda: len(rows(engine, Message)) == 1)
        assert rows(engine, Mention) == []
        # Another process adds them.
        with database.transaction(engine) as session:
            own_words.add(session, [("踢被子", WordKind.WORD)], "小李", NOW)
            own_words.add_alias(session, "BAG", ["小云云"], "小李", NOW)
            version = terms.version(terms.load(session))
        # Its next tick: what was said just before is judged again, what comes next by the new words.
        await asyncio.to_thread(process.refresh, app)
        assert len(rows(engine, Mention)) == 1
        gateway.say("r1@chatroom", "wxid_1_0", "小云云踢被子也不怕")
        await until(app, lambda: len(rows(engine, Mention)) == 2)
    assert "踢被子" in rules(engine).segmenter.words("踢被子也不怕")
    # A rebuild uses the dictionary that the audit names.
    assert terms.version(rules(engine).terms) == version
    last = [row for row in rows(engine, Audit) if row.object == "dictionary"][-1]
    assert last.after == {"words": ["BAG:小云云"], "dictionary": version}
    compared = rebuilding.check(engine, rules(engine), NOW)
    assert all(one.agrees for one in compared)


def test_a_word_is_one_or_is_none_and_may_say_nothing_beside(engine: Engine) -> None:
    with database.transaction(engine) as session:
        start = terms.version(terms.load(session))
        assert (
            own_words.add(session, [("睡袋", WordKind.WORD), ("睡袋", WordKind.STOP)], "小李", NOW)
            == 2
        )
        assert own_words.add(session, [("睡袋", WordKind.WORD)], "小李", NOW) == 0
        assert own_words.add(session, [("睡袋", WordKind.DELETED)], "小李", NOW) == 1
        standing = {(row.word, row.kind) for row in session.exec(select(OwnWord)).all()}
        assert standing == {("睡袋", WordKind.STOP), ("睡袋", WordKind.DELETED)}
        assert own_words.remove(session, standing, "小李", NOW) == 2
        assert own_words.remove(session, standing, "小李", NOW) == 0
        # The same words are the same dictionary, whatever was between.
        assert terms.version(terms.load(session)) == start
        with pytest.raises(InvalidInput, match="没有商品"):
            own_words.add_alias(session, "NOPE", ["睡睡"], "小李", NOW)
    actions = [row.action for row in rows(engine, Audit)]
    assert actions == ["dictionary.add", "dictionary.add", "dictionary.remove"]


@pytest.mark.parametrize("word", ["", "  ", "两 个", "!!", "长" * 33])
def test_what_is_no_word_is_refused(word: str) -> None:
    with pytest.raises(ValueError):
        own_words.checked(word)


def test_the_commands_add_remove_list_and_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path
) -> None:
    (tmp_path / "qunyun.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    engine = database.connect(f"sqlite:///{tmp_path / 'qunyun.db'}")
    with database.transaction(engine) as session:
        session.add(Product(sku="BAG", name="云柔睡袋"))
    record(engine, member_says("小云云收到了"))
    runner = CliRunner()

    def told(*arguments: str, code: int = 0) -> str:
        run = runner.invoke(cli.app, list(arguments))
        assert run.exit_code == code, run.output
        return run.stdout

    assert told("words", "add", "踢被子", "红屁屁").startswith("新增 2,词典版本 ")
    assert told("words", "add", "链接", "--kind", "stop").startswith("新增 1")
    told("words", "add", "小云云", "--sku", "BAG")
    # What was said before is derived again.
    assert len(rows(engine, Mention)) == 1
    file = tmp_path / "words.csv"
    file.write_text("词,种类\n红屁屁,不是词\n睡睡,\n", "utf-8")
    assert told("words", "import", str(file)) == "新增 2,更新 0,未变 0\n"
    listed = json.loads(told("words", "list", "--json"))
    assert listed["word"] == ["睡睡", "踢被子"]
    assert (listed["stop"], listed["deleted"]) == (["链接"], ["红屁屁"])
    assert listed["aliases"] == [{"sku": "BAG", "alias": "小云云"}]
    assert json.loads(told("rebuild", "--check", "--json"))["dictionary"] == listed["dictionary"]
    told("words", "remove", "小云云", "--sku", "BAG")
    assert rows(engine, Mention) == []
    assert "alias" not in told("words", "list")
    file.write_text("词,种类\n红 屁,不是词\n睡睡,动词\n", "utf-8")
    before = told("words", "list")
    run = runner.invoke(cli.app, ["words", "import", str(file)])
    assert isinstance(run.exception, InvalidInput) and len(run.exception.faults) == 2
    assert told("words", "list") == before
    assert isinstance(runner.invoke(cli.app, ["words", "add", "!!"]).exception, InvalidInput)
    engine.dispose()
