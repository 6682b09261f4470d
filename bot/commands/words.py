"""`qunyun words`: operators' own words, stop words, and other names of products."""

import datetime as dt
import json as json_module
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from sqlmodel import Session

from bot import database, own_words, rederiving, terms
from bot.commands import edge
from bot.models import WordKind
from bot.own_words import Named

app = typer.Typer(help="自己的词、停用词、商品的别名", no_args_is_help=True)


class Kind(StrEnum):
    """The kinds of words as the command line names them."""

    WORD = "word"
    STOP = "stop"
    DELETED = "deleted"


Words = Annotated[list[str], typer.Argument(metavar="WORD...", help="一个或几个词")]
OfKind = Annotated[Kind, typer.Option(help="word 词;stop 停用词;deleted 不是词,要切开")]
Sku = Annotated[str, typer.Option(metavar="SKU", help="是这个商品的别名")]
By = Annotated[str, typer.Option(help="谁说的,记入审计;默认登录名")]


@app.command()
def add(words: Words, kind: OfKind = Kind.WORD, sku: Sku = "", by: By = "") -> None:
    """加词。正在运行的进程下一拍就用新的词,不用重启。 Add words."""
    new = _change(words, kind, sku, by, own_words.add, own_words.add_alias)
    typer.echo(f"新增 {new},词典版本 {_version()}")


@app.command()
def remove(words: Words, kind: OfKind = Kind.WORD, sku: Sku = "", by: By = "") -> None:
    """去掉加过的词。 Take words back."""
    gone = _change(words, kind, sku, by, own_words.remove, own_words.remove_alias)
    typer.echo(f"去掉 {gone},词典版本 {_version()}")


@app.command("list")
def show(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """列出自己的词和商品的别名。 List them."""
    with edge.reading() as session:
        known, named = terms.load(session), own_words.aliases(session)
    if json:
        told = {kind.value: list(words) for kind, words in known.words.items()}
        aliases = [{"sku": sku, "alias": alias} for sku, alias in named]
        whole = {"dictionary": terms.version(known), **told, "aliases": aliases}
        typer.echo(json_module.dumps(whole, ensure_ascii=False))
        return
    for kind, words in known.words.items():
        for word in words:
            typer.echo(f"{kind.value}  {word}")
    for sku, alias in named:
        typer.echo(f"alias  {alias}  {sku}")
    typer.echo(f"词典版本 {terms.version(known)}")


def _change(
    words: Sequence[str],
    kind: Kind,
    sku: str,
    by: str,
    change: Callable[[Session, Collection[Named], str, dt.datetime], int],
    change_aliases: Callable[[Session, str, Collection[str], str, dt.datetime], int],
) -> int:
    """Change words, or aliases where a SKU is named, and derive again what they may change: stop
    words change no message.
    """
    told, name, now = own_words.told(words, "命令行"), edge.by(by), edge.now()
    engine = edge.engine()
    try:
        with database.transaction(engine) as session:
            if sku:
                changed = change_aliases(session, sku, told, name, now)
            else:
                named = [(word, WordKind(kind)) for word in told]
                changed = change(session, named, name, now)
        if changed and (sku or kind is not Kind.STOP):
            rederiving.from_log(engine, edge.rules(engine))
        return changed
    finally:
        engine.dispose()


def _version() -> str:
    with edge.reading() as session:
        return terms.version(terms.load(session))
