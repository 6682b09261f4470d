"""`qunyun privacy forget|export|opt-out|opt-in PERSON`: what we hold of one person."""

import json as json_module
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot import database
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.privacy import forgetting, handing, opting, subject, telling, turns

Person = Annotated[
    str,
    typer.Argument(
        metavar="PERSON",
        help="contact:ID、unionid:ID、person:编号 或 phone:-(号码从标准输入读)",
    ),
]
By = Annotated[str, typer.Option(help="谁要求的,记入审计;默认当前用户")]
LATER = "有别的进程在读,数据库文件还没有重写:删掉的字节可能还在里面,稍后再运行一次同样的命令"

app = typer.Typer(help="个人信息:导出、删除", no_args_is_help=True)


@app.command()
def forget(
    person: Person,
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", help="不问,直接删")] = False,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """忘记一个人:原文、名字、账号、标签全部删掉,数字和订单留着但没有主人。 Forget a person."""
    engine, name = edge.engine(), edge.by(by)
    with turns.taken(engine):
        # What an earlier run was stopped before.
        forgetting.sweep(engine, edge.now(), name)
    asked = _asked(person)
    with database.reading(engine) as session:
        known = subject.find(session, asked, edge.secret())
    if not yes and sys.stdin.isatty():
        typer.confirm(f"删掉 {len(known.contacts)} 个账号的全部内容?删了就找不回来", abort=True)
    home = edge.settings().home
    with turns.taken(engine):
        # Another process may have been asked as well, and is done by now.
        with database.reading(engine) as session:
            known = subject.find(session, asked, edge.secret())
        done = forgetting.forget(engine, home, known, edge.rules(engine), edge.now(), name)
        swept = forgetting.sweep(engine, edge.now(), name)
    if json:
        typer.echo(json_module.dumps({**asdict(done), "swept": swept}, ensure_ascii=False))
    else:
        typer.echo(
            f"已忘记,留下的数字和订单记在 {done.pseudonym} 名下\n"
            f"删掉 {done.messages} 条消息,清理别人的 {done.quoted} 条,删掉 {done.files} 个文件,"
            f"还没入库的 {done.spooled} 条;"
            f"封存 {done.sealed} 个群日,还没过完、已重新推导的 {done.open_days} 个\n"
            "备份、导出过的文件和 PostgreSQL 的 WAL 不在这里面,见 docs/privacy.md"
        )
    if not swept:
        typer.echo(LATER, err=True)
        raise typer.Exit(1)


@app.command()
def export(
    person: Person,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="写成一个文件夹的表格;默认 JSON 到标准输出")
    ] = None,
) -> None:
    """导出一个人的全部数据。 Everything held of a person."""
    with edge.reading() as session:
        known = subject.find(session, _asked(person), edge.secret())
        told = telling.everything(session, known)
    if out is None:
        typer.echo(json_module.dumps(told, ensure_ascii=True, indent=1))
        return
    typer.echo(f"{handing.write(out, told)} 个文件:{out}")


@app.command("opt-out")
def opt_out(person: Person, by: By = "") -> None:
    """从现在起不留名:他说的话只算一条,不留是谁、说了什么;画像和标签删掉。 Be nobody from now on."""
    with edge.changing() as session:
        new = opting.opt_out(session, _asked(person), edge.secret(), edge.by(by), edge.now())
    typer.echo(f"{new} 个账号从现在起不留名;以前说过的还在,要删用 qunyun privacy forget")


@app.command("opt-in")
def opt_in(person: Person, by: By = "") -> None:
    """收回不留名,从现在起照常记。 Be heard again."""
    with edge.changing() as session:
        gone = opting.opt_in(session, _asked(person), edge.secret(), edge.by(by), edge.now())
    typer.echo(f"{gone} 个账号从现在起照常记;不留名时说过的没有留下,找不回来")


def _asked(person: str) -> str:
    if person == "phone:-":
        return f"phone:{sys.stdin.readline().strip()}"
    if person.startswith("phone:"):
        remedy = "写 phone:-,号码从标准输入给"
        raise InvalidInput(Fault("PERSON", 0, "", "号码会留在命令历史里", remedy))
    return person
