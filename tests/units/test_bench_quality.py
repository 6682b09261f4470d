"""What `qunyun bench quality` counts, and that the labelled lines are those of the data."""

from pathlib import Path

import pytest

from bot.bench import duplicates, quality, retrieval
from bot.bench.quality import Case
from bot.bench.retrieval import Asked
from bot.errors import InvalidInput

DATA = Path(__file__).parents[3] / "shared" / "data"


def test_abstentions_count_as_not_said_and_are_counted_apart() -> None:
    cases = [
        *[Case(true=True, said=True)] * 6,
        *[Case(true=False, said=True)] * 2,
        *[Case(true=True, said=False, unsure=True)] * 3,
        *[Case(true=True, said=False)] * 3,
        *[Case(true=False, said=False, unsure=True)] * 4,
    ]
    found = quality.judged(cases)
    assert (found["right"], found["wrong"], found["missed"]) == (6, 2, 6)
    assert (found["abstained"], found["abstained_though_true"]) == (7, 3)
    # Wilson by hand: 6 of 12, 6 of 8.
    assert found["recall"] == [0.5, 0.254, 0.746]
    assert found["precision"] == [0.75, 0.409, 0.929]
    assert quality.judged([])["recall"] is None


def test_without_the_data_every_part_is_named_as_absent(tmp_path: Path) -> None:
    found = quality.measure(tmp_path)
    assert len(str(found["absent"]).split(": ")) == 8
    with pytest.raises(InvalidInput, match="没有这个目录"):
        quality.measure(tmp_path / "nowhere")


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / quality.COMPLAINTS).write_text("a\tb\t0\t0\t0\tc\t别的话\n" * 20_000, "utf-8")
    with pytest.raises(InvalidInput, match="不是标注时的原文"):
        quality.measure(tmp_path)


def test_every_label_stands_for_a_line_of_the_data() -> None:
    if not (DATA / quality.COMPLAINTS).is_file():
        pytest.skip("the shared corpora are not beside the project")
    found = quality.measure(DATA)
    complaints, products = found["complaints"], found["products"]
    assert isinstance(complaints, dict) and isinstance(products, dict)
    assert {name: half["messages"] for name, half in complaints.items()} == {
        "tuned": 1047,
        "held": 471,
        "read": 2448,
    }
    assert products["messages"] >= 100


def test_slight_edits_are_found_and_other_sentences_are_not() -> None:
    texts = [f"第{n}次在群里说起自己家里的琐事,顺便问问{n * 7}号那天的安排" for n in range(40)]
    texts += [chr(0x4E00 + n) * 3 + chr(0x5E00 + n) * 12 for n in range(40)]
    found = duplicates.measure(texts)
    assert found == duplicates.measure(texts)
    once, of = found["edited_5"]
    assert of == 80 and once > 70
    assert found["edited_30"][0] < once


def test_answers_are_chosen_on_one_half_and_counted_on_the_other() -> None:
    """Twelve ways to ask for the price of a room, and as many for when breakfast is."""
    who = (
        "我",
        "我们",
        "我家",
        "大家",
        "朋友",
        "同事",
        "孩子",
        "老人",
        "父母",
        "姐姐",
        "哥哥",
        "弟弟",
    )
    asked = [
        Asked(text.format(one), target, place % 2 == 0)
        for place, one in enumerate(who)
        for text, target in (
            ("{}想知道房间的价格", ("酒店", "价格")),
            ("{}想知道早餐几点开始", ("酒店", "早餐")),
        )
    ]
    found = retrieval.measure(asked)
    assert found["in_force"].questions + found["choosing"].questions == 2 * (
        12 - retrieval.WORDINGS
    )
    assert found["in_force"].wrong == 0 and found["in_force"].answered > 0
    assert found["choosing"].covered == found["chosen"].covered
