"""`qunyun operator`: who may use the console. Passwords are asked for, never given as options."""

import sys
from typing import Annotated

import typer

from bot import database
from bot.commands import edge
from bot.console import credentials, operators, serving
from bot.models import OperatorRole

app = typer.Typer(help="操作员:后台账号。 Console accounts.", no_args_is_help=True)
By = Annotated[str, typer.Option(metavar="NAME", help="谁做的,默认当前系统用户")]
Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command()
def add(
    name: Name,
    role: Annotated[
        OperatorRole, typer.Option(help="viewer 只看、operator 运营、approver 审批人、admin 管理员")
    ] = OperatorRole.OPERATOR,
    by: By = "",
) -> None:
    """新的操作员:在终端里问密码;不是终端时打印一次性链接。 A new operator."""
    engine, now = edge.engine(), edge.now()
    hashed = None
    if sys.stdin.isatty():
        typer.echo("直接回车:不设密码,打印一个一次性链接")
        password = typer.prompt("密码", hide_input=True, default="", show_default=False)
        if password:
            again = typer.prompt("再输入一次", hide_input=True)
            hashed = credentials.hash_password(operators.same(password, again), name)
    with database.transaction(engine) as session:
        operator = operators.add(session, name, role, edge.by(by), now)
        if hashed is not None:
            operators.set_password(session, operator, hashed, edge.by(by), now)
            token = ""
        else:
            token = operators.link(session, operator, edge.by(by), now)
    typer.echo(f"已添加 {operator.name}({role.value})")
    if token:
        _tell(token)


@app.command()
def role(
    name: Name,
    role: Annotated[OperatorRole, typer.Argument(metavar="ROLE")],
    vertical: Annotated[list[str] | None, typer.Option(help="只负责这些垂类;可写多次")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="只负责有这些标签的群;可写多次")] = None,
    by: By = "",
) -> None:
    """换角色和负责的群;不写范围就是全部群。 Another role and scope."""
    with edge.changing() as session:
        operator = operators.existing(session, name)
        operators.change(
            session, operator, role, vertical or None, tag or None, edge.by(by), edge.now()
        )
    typer.echo(f"{name}:{role.value}")


@app.command()
def reset(name: Name, by: By = "") -> None:
    """忘了密码:打印一个一次性链接。 A one-time link to set a new password."""
    with edge.changing() as session:
        operator = operators.existing(session, name)
        token = operators.link(session, operator, edge.by(by), edge.now())
    _tell(token)


def _tell(token: str) -> None:
    settings = edge.settings()
    base = serving.address(settings, settings.console_port)
    typer.echo(f"设置密码(24 小时内可用一次):{base}/link/{token}")
