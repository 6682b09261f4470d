"""`qunyun links …`: short links of ours, and who followed them."""

import json as json_module
from typing import Annotated

import typer

from bot import links
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.orders import short_links

app = typer.Typer(help="短链接和点击。 Short links and clicks.", no_args_is_help=True)

By = Annotated[str, typer.Option(metavar="NAME", help="谁,默认当前系统用户")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="通到哪里,例如商品页")],
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="发在哪个群")] = None,
    member: Annotated[str | None, typer.Option(metavar="ID", help="给哪个成员的专属链接")] = None,
    note: Annotated[str, typer.Option(help="备注")] = "",
    by: By = "",
) -> None:
    """做一个短链接,打印出来;帖子里的 {{ link }} 不用这个。 Make a short link."""
    base = _base()
    with edge.changing() as session:
        code = short_links.add(
            session, url, edge.by(by), edge.now(), room=room, member=member, note=note
        )
    typer.echo(links.address(base, code))


@app.command()
def stop(
    code: Annotated[str, typer.Argument(metavar="CODE", help="短链接最后那一段")],
    by: By = "",
) -> None:
    """停用一个短链接:再点就是“已经停用”。 Let a link lead nowhere."""
    with edge.changing() as session:
        short_links.stop(session, code, edge.by(by), edge.now())
    typer.echo(f"{code} 已停用")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="最近几个")] = 100,
    json: Annotated[bool, typer.Option("--json", help="一行一个 JSON 对象")] = False,
) -> None:
    """最近的短链接:通到哪里、哪个群、哪个栏目、几次点击。 The latest links and their clicks."""
    with edge.reading() as session:
        rows = short_links.listed(session, limit)
    for row in rows:
        if json:
            told = {
                "code": row.code, "url": row.url, "room": row.room, "series": row.series,
                "delivery": row.delivery_key, "member": row.member, "note": row.note,
                "made_at": row.made_at.isoformat(), "people": row.people,
                "previews": row.previews, "unlogged": row.unlogged,
                "stopped": row.stopped_at is not None,
            }  # fmt: skip
            typer.echo(json_module.dumps(told, ensure_ascii=False))
            continue
        where = row.topic or row.room or row.note or "-"
        clicks = f"{row.people:,} 次点击(另有预览 {row.previews:,})"
        clicks += f",其中 {row.unlogged:,} 次太多,只按小时记数" if row.unlogged else ""
        stopped = " · 已停用" if row.stopped_at is not None else ""
        typer.echo("\t".join((row.code, where, row.series or "-", clicks + stopped, row.url)))


def _base() -> str:
    base = edge.settings().links_url
    if not base:
        remedy = "设为群友打得开的网址,例如 https://q.example.com,反向代理把 /l/ 转给运营后台"
        raise InvalidInput(Fault("设置", 0, "QUNYUN_LINKS_URL", "没有设置", remedy))
    return base
