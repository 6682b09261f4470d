"""`qunyun questions` and `qunyun complaints`: what waits for a person, and what became of it."""

import datetime as dt
from typing import Annotated

import typer

from bot import complaints, desk
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.models import ComplaintOutcome

questions = typer.Typer(help="问答台:没有人答的问题", no_args_is_help=True)
cases = typer.Typer(help="投诉", no_args_is_help=True)

Id = Annotated[int, typer.Argument(help="编号,见 list")]
By = Annotated[str, typer.Option(help="谁处理的,默认登录名")]
Reason = Annotated[str, typer.Option(help="为什么")]
OUTCOMES = {
    "solved": ComplaintOutcome.SOLVED,
    "refunded": ComplaintOutcome.REFUNDED,
    "explained": ComplaintOutcome.EXPLAINED,
    "none": ComplaintOutcome.NONE,
}


@questions.command("list")
def list_questions() -> None:
    """Questions that nobody has answered, the most pressing first."""
    now = edge.now()
    with edge.reading() as session:
        found = desk.listed(session, now)
    for one in found:
        held = f"{one.claimed_by} 在处理" if one.claimed_by else "没有人处理"
        maybe = ",可能已有人答" if one.maybe_at else ""
        typer.echo(f"{one.id}  {_left(one.due_at, now)}  {one.topic}  {held}{maybe}")
        typer.echo(f"    {one.name}:{one.text or '(已撤回或已删除)'}")
    if not found:
        typer.echo("没有等着回答的问题")


@questions.command("answer")
def answer_question(
    question: Id, text: Annotated[str, typer.Argument(help="发到群里的答复")], by: By = ""
) -> None:
    """Answer a question in its room, with the asker mentioned."""
    with edge.changing() as session:
        key = desk.answer(session, question, text, edge.by(by), edge.now())
    typer.echo(f"已排队:{key}")


@questions.command("dismiss")
def dismiss_question(question: Id, reason: Reason = "", by: By = "") -> None:
    """Close a question that needs no answer."""
    with edge.changing() as session:
        done = desk.dismiss(session, question, reason, edge.by(by), edge.now())
    _must(done, "question", "没有这个问题,或者已经有人处理")


@cases.command("list")
def list_cases() -> None:
    """Complaints that nobody has closed, the most pressing first."""
    now = edge.now()
    with edge.reading() as session:
        found = complaints.standing_cases(session)
    for case in found:
        held = f"{case.owner} 在处理" if case.owner else "没有人处理"
        typer.echo(f"{case.id}  {case.severity}/3  {_left(case.due_at, now)}  {case.topic}  {held}")
        typer.echo(f"    {case.name}:{case.text or '(已撤回或已删除)'}")
    if not found:
        typer.echo("没有等着处理的投诉")


@cases.command("close")
def close_case(
    case: Id,
    outcome: Annotated[str, typer.Argument(help="solved refunded explained none(不是投诉)")],
    note: Annotated[str, typer.Option(help="怎么处理的")] = "",
    by: By = "",
) -> None:
    """Say what a complaint came to."""
    if outcome not in OUTCOMES:
        remedy = f"从 {' '.join(OUTCOMES)} 里选"
        raise InvalidInput(Fault("命令行", 0, "outcome", f"不认识 {outcome}", remedy))
    with edge.changing() as session:
        done = complaints.close(session, case, OUTCOMES[outcome], note, edge.by(by), edge.now())
    _must(done, "case", "没有这条投诉,或者已经有人处理")


def _left(due_at: dt.datetime, now: dt.datetime) -> str:
    hours = (due_at - now).total_seconds() / 3600
    return f"还剩 {hours:.0f} 小时" if hours > 0 else f"超时 {-hours:.0f} 小时"


def _must(done: bool, column: str, problem: str) -> None:
    if not done:
        raise InvalidInput(Fault("命令行", 0, column, problem, "用 list 查看"))
