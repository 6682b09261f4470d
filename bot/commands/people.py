"""`qunyun people …`: who is one human across channels, and whom somebody must look at."""

import json as json_module
import sys
from typing import Annotated

import typer

from bot import pseudonyms
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.models import IdentityKind
from bot.orders import evidence, people, quarantine, typed
from bot.orders.evidence import Evidence
from bot.orders.identity import Identifier
from bot.orders.quarantine import Case, Said
from bot.orders.typed import EVER

app = typer.Typer(help="用户:谁和谁是同一个人。 People.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="为什么,写给以后看的人")]
EdgeId = Annotated[int, typer.Argument(metavar="EDGE", help="线索编号,见 quarantine")]
KINDS = {
    IdentityKind.CONTACT: "微信",
    IdentityKind.UNIONID: "unionid",
    IdentityKind.PHONE: "手机",
    IdentityKind.BUYER: "买家",
    IdentityKind.ORDER: "订单",
}


@app.command("quarantine")
def show(json: Json = False) -> None:
    """列出不可能是同一个人、等人核对的用户。 Whom somebody must look at."""
    with edge.reading() as session:
        cases = quarantine.listed(session)
    if json:
        for case in cases:
            typer.echo(json_module.dumps(_told(case), ensure_ascii=False))
        return
    zone = edge.settings().zone
    for case in cases:
        since = case.since.astimezone(zone)
        typer.echo(f"用户 {case.person_id}:{case.reason},{case.orders} 单,{since:%Y-%m-%d}")
        for said in case.edges:
            mark = "← 可疑" if said.suspect else ""
            typer.echo(f"  线索 {said.id}\t{_line(case, said)}\t来自 {said.source} {mark}".rstrip())
    typer.echo(
        f"{len(cases)} 位。断开一条:qunyun people cut 编号;确实是一个人:qunyun people accept 用户",
        err=True,
    )


@app.command()
def cut(edge_id: EdgeId, reason: Reason) -> None:
    """断开一条线索:它两端不是同一个人。 Two humans after all."""
    with edge.changing() as session:
        quarantine.cut(session, edge_id, reason, edge.by(""), edge.now())
    typer.echo(f"线索 {edge_id} 已断开")


@app.command()
def restore(edge_id: EdgeId, reason: Reason) -> None:
    """恢复一条断开的线索。 Take a cut back."""
    with edge.changing() as session:
        quarantine.restore(session, edge_id, reason, edge.by(""), edge.now())
    typer.echo(f"线索 {edge_id} 已恢复")


@app.command()
def accept(
    person_id: Annotated[int, typer.Argument(metavar="PERSON", help="用户编号")], reason: Reason
) -> None:
    """确认一位待核对的用户确实是一个人。 One human after all."""
    with edge.changing() as session:
        quarantine.accept(session, person_id, reason, edge.by(""), edge.now())
    typer.echo(f"用户 {person_id} 已确认")


@app.command()
def bind(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="微信的平台编号")],
    unionid: Annotated[str, typer.Option(metavar="UNIONID")] = "",
    phone: Annotated[str, typer.Option(metavar="-", help="写 -,从标准输入读手机号")] = "",
    buyer: Annotated[
        str, typer.Option(metavar="ID", help="店铺里的买家 ID,要同时写 --channel")
    ] = "",
    channel: Annotated[str, typer.Option(metavar="NAME", help="订单里的渠道")] = "",
) -> None:
    """写下一个微信号和一个买家是同一个人。 Say that a contact is a buyer."""
    other = _other(unionid, phone, buyer, channel)
    at = edge.now()
    with edge.changing() as session:
        told = Evidence(evidence.contact(contact), other, f"bind:{edge.by('')}", at)
        new = evidence.record(session, [told])
        people.resolve(session, {told.left, told.right})
    typer.echo("已写下" if new else "早已写下")


@app.command()
def refresh() -> None:
    """在群消息里找订单号,认出是谁的订单。 Look for order numbers typed in rooms."""
    engine = edge.engine()
    try:
        new = typed.refresh(engine, EVER)
    finally:
        engine.dispose()
    typer.echo(f"新的线索 {new} 条")


def _other(unionid: str, phone: str, buyer: str, channel: str) -> Identifier:
    if sum(map(bool, (unionid, phone, buyer))) != 1:
        raise InvalidInput(
            Fault("bind", 0, "", "要写一样,只写一样", "用 --unionid、--phone - 或 --buyer 之一")
        )
    if unionid:
        return IdentityKind.UNIONID, unionid
    if buyer:
        if not channel:
            raise InvalidInput(Fault("bind", 0, "--channel", "没有写渠道", "写订单里的渠道名"))
        return IdentityKind.BUYER, pseudonyms.of_buyer(edge.secret(), channel, buyer)
    if phone != "-":
        # A number on the command line stays in the shell's history.
        raise InvalidInput(Fault("bind", 0, "--phone", "手机号不写在命令里", "写 -,再输入手机号"))
    number = pseudonyms.of_phone(edge.secret(), sys.stdin.readline())
    if number is None:
        raise InvalidInput(Fault("标准输入", 0, "", "不是手机号", "写全,不要带星号"))
    return IdentityKind.PHONE, number


def _line(case: Case, said: Said) -> str:
    return f"{_label(case, said.left)} — {_label(case, said.right)}"


def _label(case: Case, identifier: Identifier) -> str:
    kind, value = identifier
    name = case.names.get(identifier)
    # What is kept of a phone or a buyer is no number: its beginning tells two apart.
    short = value if kind in (IdentityKind.CONTACT, IdentityKind.ORDER) else value[:8]
    return f"{KINDS[kind]} {name or short}"


def _told(case: Case) -> dict[str, object]:
    return {
        "person": case.person_id,
        "reason": case.reason,
        "since": case.since.isoformat(),
        "orders": case.orders,
        "members": [list(each) for each in case.members],
        "edges": [
            {
                "edge": said.id,
                "left": list(said.left),
                "right": list(said.right),
                "source": said.source,
                "at": said.at.isoformat(),
                "suspect": said.suspect,
            }
            for said in case.edges
        ],
    }
