"""自己的词: what the operators teach the machine to read, and what a word would change."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from fastapi.responses import Response
from sqlalchemy import Select, select
from starlette.background import BackgroundTask

from bot import database, own_words, terms, trying_words
from bot.console import importing, paging
from bot.console.page import Page, Reader, Writer
from bot.console.roles import OPERATOR, VIEWER, sees_all
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import OwnWord, Product, ProductAlias, WordKind
from bot.trying_words import Tried

PATH, ALIAS_KIND = "/settings/own-words", "alias"
# (kind, name, what such a word does).
KINDS = (
    ("word", "词", "不再切开：话题、搜索和常见问题把它当一个词"),
    ("stop", "停用词", "不再算话题；消息的判断不变"),
    ("deleted", "不是词", "词典里有也要切开"),
    (ALIAS_KIND, "商品的别名", "群友说到它，就算提到了这个商品"),
)
MOST = 50
OWN, ALIAS, PRODUCT = database.tables(OwnWord, ProductAlias, Product)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a form asks for: words of one kind, or other names of a product."""

    words: tuple[str, ...]
    kind: str
    sku: str


def show(
    page: Reader, fresh: str = "", kind: str = "word", sku: str = "", listed: str = "",
    number: int = 1,
) -> Response:  # fmt: skip
    """The words that stand, and what others would change where some were typed."""
    aliases = listed == ALIAS_KIND
    order = (ALIAS.c.alias, PRODUCT.c.sku) if aliases else (OWN.c.word, OWN.c.kind)
    listing = paging.cut(
        page.session, _aliases() if aliases else select(OWN), order, number, PATH,
        {"listed": listed},
    )  # fmt: skip
    wish = _wish(fresh, kind, sku)
    return page.render(
        "own_words.html", kinds=KINDS, names={kind: name for kind, name, _ in KINDS},
        listing=listing, aliases=aliases, fresh=fresh[:2_000], wish=wish,
        tried=_tried(page, wish) if wish.words else None,
        version=terms.version(terms.load(page.session)), everything=sees_all(page.someone),
    )  # fmt: skip


def add(
    page: Writer,
    fresh: Annotated[str, Form(max_length=2_000)] = "",
    kind: Annotated[str, Form(max_length=20)] = "word",
    sku: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Add words; what was said before is read again behind the scenes."""
    page.must_see_all()
    wish = _wish(fresh, kind, sku)
    if wish.kind == ALIAS_KIND:
        new = own_words.add_alias(page.session, wish.sku, wish.words, page.by, page.now)
    else:
        new = own_words.add(page.session, _named(wish), page.by, page.now)
    said = page.tr("加了 {n} 个词，以前的消息在后台按新的词重新读", n=new)
    return _changed(page, wish, new, said)


def remove(
    page: Writer,
    word: Annotated[str, Form(max_length=200)] = "",
    kind: Annotated[str, Form(max_length=20)] = "word",
    sku: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Take a word back."""
    page.must_see_all()
    wish = Wish((word,), _known(kind), sku)
    if kind == ALIAS_KIND:
        gone = own_words.remove_alias(page.session, sku, [word], page.by, page.now)
    else:
        gone = own_words.remove(page.session, _named(wish), page.by, page.now)
    return _changed(page, wish, gone, page.tr("去掉了“{word}”", word=word))


def _changed(page: Page, wish: Wish, changed: int, said: str) -> Response:
    """Back to the list that the words stand in; stop words change nothing that is derived."""
    listed = f"?listed={ALIAS_KIND}" if wish.kind == ALIAS_KIND else ""
    if not changed:
        return page.to(PATH + listed, page.tr("没有改动"), kind="warning")
    answer = page.to(PATH + listed, said)
    if wish.kind != WordKind.STOP:
        answer.background = BackgroundTask(importing.derive_again, page.console)
    return answer


def _wish(fresh: str, kind: str, sku: str) -> Wish:
    """Raises InvalidInput for what is no word and for an unknown kind."""
    lines = [line.strip() for line in fresh.splitlines() if line.strip()]
    if len(lines) > MOST:
        raise InvalidInput(Fault("词", 0, "", f"一次最多 {MOST} 个词", "多的用文件导入"))
    known = _known(kind)
    words = tuple(dict.fromkeys(own_words.told(lines, "词")))
    return Wish(words, known, sku.strip())


def _known(kind: str) -> str:
    if kind not in {each for each, _, _ in KINDS}:
        raise InvalidInput(Fault("种类", 0, "", f"没有“{kind[:20]}”这一种词", "在列表里选一种"))
    return kind


def _named(wish: Wish) -> list[own_words.Named]:
    return [(word, WordKind(wish.kind)) for word in wish.words]


def _tried(page: Page, wish: Wish) -> Tried:
    """Of the rooms that the operator sees."""
    rest = (page.settings.zone, page.now, page.in_scope(trying_words.ROOM))
    if wish.kind == ALIAS_KIND:
        return trying_words.aliases(page.session, wish.sku, wish.words, *rest)
    return trying_words.words(page.session, _named(wish), *rest)


def _aliases() -> Select[tuple[str, str, str]]:
    return select(ALIAS.c.alias, PRODUCT.c.sku, PRODUCT.c.name).join(
        PRODUCT, PRODUCT.c.id == ALIAS.c.product_id
    )


ROUTES = (
    Route("GET", PATH, show, VIEWER),
    Route("POST", PATH, add, OPERATOR),
    Route("POST", f"{PATH}/remove", remove, OPERATOR),
)
