"""Questions and complaints wait for a person, under a clock, and are looked after by one."""

import datetime as dt

import pytest
from sqlalchemy import Engine

from bot import complaints, database, desk, holding
from bot.complaints import Heard
from bot.desk import Answered, Asked
from bot.errors import InvalidInput
from bot.models import (
    Audit,
    Complaint,
    ComplaintOutcome,
    ComplaintState,
    Contact,
    Delivery,
    Message,
    OpenQuestion,
    QuestionState,
    Room,
)
from content_calendar import words
from tests.saying import local, member_says, record, rows

ASKED = local("2026-11-09 20:00")
LATER = ASKED + dt.timedelta(hours=1)


def said(engine: Engine, text: str = "红屁屁怎么办") -> tuple[int, int, int]:
    """(message, room, contact) of one message just recorded."""
    record(engine, member_says(text, sender="wxid_asker"))
    message = rows(engine, Message)[-1]
    return message.id, message.room_id, message.contact_id


def ask(engine: Engine) -> int:
    message, room, contact = said(engine)
    with database.transaction(engine) as session:
        assert desk.ask(session, [Asked(message, room, contact, ASKED)]) == 1
        assert desk.ask(session, [Asked(message, room, contact, ASKED)]) == 0
    return int(rows(engine, OpenQuestion)[0].id)


def test_a_question_is_listed_after_its_grace_with_a_day_to_answer(engine: Engine) -> None:
    ask(engine)
    with database.reading(engine) as session:
        assert desk.listed(session, ASKED + dt.timedelta(minutes=29)) == []
        (shown,) = desk.listed(session, LATER)
    assert (shown.text, shown.due_at) == ("红屁屁怎么办", ASKED + dt.timedelta(hours=24))


def test_who_answers_in_the_room_takes_the_question_off_the_list(engine: Engine) -> None:
    ask(engine)
    message = rows(engine, Message)[0].id
    with database.transaction(engine) as session:
        desk.answered(session, [Answered(message, 90, LATER, sure=False)])
        assert desk.listed(session, LATER)[0].maybe_at == LATER
        desk.answered(session, [Answered(message, 91, LATER, sure=True)])
        assert desk.listed(session, LATER) == []
    (row,) = rows(engine, OpenQuestion)
    assert (row.state, row.answer_id, row.closed_by) == (QuestionState.ANSWERED, 91, None)


def test_a_question_answered_before_anybody_saw_it_leaves_no_row(engine: Engine) -> None:
    ask(engine)
    message = rows(engine, Message)[0].id
    with database.transaction(engine) as session:
        soon = ASKED + dt.timedelta(minutes=5)
        desk.answered(session, [Answered(message, 91, soon, sure=True)])
    assert rows(engine, OpenQuestion) == []


def test_one_operator_answers_once_and_the_asker_is_mentioned(engine: Engine) -> None:
    question = ask(engine)
    with database.transaction(engine) as session:
        assert holding.claim(session, desk.WORK, question, "小李", LATER)
        assert not holding.claim(session, desk.WORK, question, "小王", LATER)
        assert not desk.dismiss(session, question, "无关", "小王", LATER)
        with pytest.raises(InvalidInput, match="已经有人"):
            desk.answer(session, question, "我来答", "小王", LATER)
        key = desk.answer(session, question, "多晾一晾,勤换纸尿裤", "小李", LATER)
        with pytest.raises(InvalidInput, match="已经有人"):
            desk.answer(session, question, "再答一遍", "小李", LATER)
    (sent,) = rows(engine, Delivery)
    assert (sent.key, sent.text, sent.mentions) == (key, "多晾一晾,勤换纸尿裤", ["wxid_asker"])
    (row,) = rows(engine, OpenQuestion)
    assert (row.state, row.answer_key, row.closed_by) == (QuestionState.ANSWERED, key, "小李")
    assert [audit.action for audit in rows(engine, Audit)] == ["claim", "answer"]


def test_an_answer_with_a_forbidden_word_stays_unsent(engine: Engine) -> None:
    question = ask(engine)
    with database.transaction(engine) as session:
        words.add(session, ["最好的药"])
    with database.transaction(engine) as session:
        for text in ("这是最好的药", "  "):
            with pytest.raises(InvalidInput):
                desk.answer(session, question, text, "小李", LATER)
    assert rows(engine, Delivery) == []
    assert rows(engine, OpenQuestion)[0].state is QuestionState.OPEN


def test_a_question_given_back_is_everybodys_and_one_dismissed_is_gone(engine: Engine) -> None:
    question = ask(engine)
    with database.transaction(engine) as session:
        holding.claim(session, desk.WORK, question, "小李", LATER)
        assert holding.release(session, desk.WORK, question, "小李", LATER)
        assert not holding.release(session, desk.WORK, question, "小李", LATER)
        assert desk.dismiss(session, question, "闲聊", "小王", LATER)
        assert desk.listed(session, LATER) == []
        shown = desk.one(session, question)
    assert shown is not None and shown.state is QuestionState.DISMISSED


def test_the_text_of_a_recalled_question_is_not_shown(engine: Engine) -> None:
    record(engine, member_says("发错了吗", id="q1"))
    message = rows(engine, Message)[0]
    with database.transaction(engine) as session:
        desk.ask(session, [Asked(message.id, message.room_id, message.contact_id, ASKED)])
    record(engine, member_says(None, type="recall", recalls="q1"))
    with database.reading(engine) as session:
        assert [shown.text for shown in desk.listed(session, LATER)] == [None]


def test_the_list_is_read_in_pages_and_by_room(engine: Engine) -> None:
    record(
        engine,
        *(member_says(f"第{n}个问题吗", id=f"q{n}", room=f"r{n % 2}@chatroom") for n in range(4)),
    )
    with database.transaction(engine) as session:
        for message in rows(engine, Message):
            desk.ask(session, [Asked(message.id, message.room_id, message.contact_id, ASKED)])
    room = database.table(Room)
    with database.reading(engine) as session:
        first = desk.listed(session, LATER, most=3)
        rest = desk.listed(session, LATER, after=(first[-1].due_at, first[-1].id))
        own = desk.listed(session, LATER, rooms=room.c.platform_id == "r1@chatroom")
    assert [len(first), len(rest), len(own)] == [3, 1, 2]


def test_a_complaint_is_a_case_until_a_person_says_what_it_came_to(engine: Engine) -> None:
    message, room, contact = said(engine, "收到就是破损的")
    heard = Heard(message, room, contact, ASKED, 2, "defect")
    with database.transaction(engine) as session:
        assert complaints.open_cases(session, [heard]) == 1
        assert complaints.open_cases(session, [heard]) == 0
        (case,) = complaints.standing_cases(session)
        assert (case.text, case.due_at) == ("收到就是破损的", ASKED + dt.timedelta(hours=24))
        assert holding.claim(session, complaints.WORK, case.id, "小李", LATER)
        assert not holding.claim(session, complaints.WORK, case.id, "小王", LATER)
        solved = (ComplaintOutcome.SOLVED, "补发一件")
        assert not complaints.close(session, case.id, *solved, "小王", LATER)
        assert complaints.close(session, case.id, *solved, "小李", LATER)
        assert complaints.standing_cases(session) == []
        assert complaints.reopen(session, case.id, "小王", LATER)
        again = complaints.one(session, case.id)
    assert again is not None
    assert (again.state, again.owner, again.outcome) == (ComplaintState.OPEN, None, None)
    assert len(rows(engine, Complaint)) == 1
    assert [audit.action for audit in rows(engine, Audit)] == ["claim", "close", "reopen"]
    assert rows(engine, Contact)
