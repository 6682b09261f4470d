"""隐私: forget a person and see that nothing is left, hand out what is held, let somebody be heard
as nobody (不留名), how long what is kept.
"""

import datetime as dt
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Form, HTTPException
from fastapi.responses import FileResponse, Response
from sqlalchemy import func, select
from starlette.background import BackgroundTask

from bot import database, deriving, secret, unnamed
from bot.console import auditing
from bot.console.page import Console, Page, Reader, Writer
from bot.console.roles import ADMIN
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import Audit, Contact, DroppedDay, Message, SealedDay
from bot.privacy import forgetting, handing, holding, opting, searching, telling, turns
from bot.privacy import subject as subjects
from bot.privacy.subject import Subject

AUDIT, CONTACT = database.tables(Audit, Contact)
LONG, MOST, RECENT = 200, 20, 50
# How somebody can be named, the names of a room's members apart.
KINDS = ("name", "contact", "unionid", "phone", "person")
WHOM = re.compile(r"(contact|person)-([0-9]{1,9})")
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
# How far somebody is forgotten.
STEPS = {
    "begun": ("正在做，或者断了", "doubt"),
    "done": ("等着重写文件", "doubt"),
    "swept": ("做完了", "good"),
}
# Said by the page, and typed by whoever means it, where there is no account to type.
SURE = "忘记"


@dataclass(frozen=True, slots=True)
class Past:
    """Somebody who was forgotten, or begun to be: under the random name, and what was done."""

    name: str
    by: str
    begun_at: dt.datetime
    done_at: dt.datetime | None
    swept_at: dt.datetime | None
    done: dict[str, int]
    again: str

    @property
    def step(self) -> str:
        """The last step that was taken, as STEPS names it."""
        return "swept" if self.swept_at else "done" if self.done_at else "begun"


def show(page: Reader) -> Response:
    """Whom to look for, who was forgotten, how long what is kept."""
    page.must_see_all()
    unnamed_now, strangers = unnamed.count(page.session)
    return page.render(
        "privacy.html", past=_past(page), kept=_kept(page), steps=STEPS,
        days=page.settings.message_retention_days, unnamed=unnamed_now, strangers=strangers,
    )  # fmt: skip


def find(
    page: Reader,
    kind: Annotated[str, Form(max_length=20)] = "",
    value: Annotated[str, Form(max_length=LONG)] = "",
) -> Response:
    """Look somebody up. By a form, so that no name or number stands in an address."""
    page.must_see_all()
    value = value.strip()
    if kind not in KINDS or not value:
        raise _refuse(page.tr("没有写找谁"), page.tr("选一种写法，写上是谁"))
    if kind == "name":
        return page.render("privacy_found.html", found=_called(page, value), value=value)
    return page.to(f"/privacy/people/{_address(_known(page, f'{kind}:{value}'))}")


def person(page: Reader, whom: str) -> Response:
    """What there is of one human: what goes with them, and what stays."""
    page.must_see_all()
    known = _subject(page, whom)
    names = select(CONTACT.c.name).where(CONTACT.c.id.in_(known.contacts)).order_by(CONTACT.c.id)
    return page.render(
        "privacy_person.html", whom=whom, known=known, held=holding.held(page.session, known),
        names=[name for name in page.session.connection().scalars(names) if name],
        word=_word(page, known), unnamed=unnamed.among(page.session, list(known.contacts)),
    )  # fmt: skip


def export(page: Reader, whom: str) -> Response:
    """Everything that is held of somebody, as tables in one archive."""
    page.must_see_all()
    told = telling.everything(page.session, _subject(page, whom))
    folder = Path(tempfile.mkdtemp(prefix="qunyun-"))
    try:
        handing.write(folder / "told", told)
        archive = shutil.make_archive(str(folder / "told"), "zip", folder / "told")
        with database.transaction(page.console.engine) as session:
            auditing.note(session, page.now, page.by, "privacy.export", f"person:{whom}")
    except BaseException:
        _remove(folder)
        raise
    return FileResponse(archive, filename=f"{whom}.zip", background=BackgroundTask(_remove, folder))


def forget(page: Reader, whom: str, typed: Annotated[str, Form(max_length=LONG)] = "") -> Response:
    """Forget somebody, once it is typed whom. It takes a while, so the answer goes first."""
    page.must_see_all()
    known = _subject(page, whom)
    if typed.strip() != _word(page, known):
        raise _refuse(page.tr("写的和页面上的不一样，什么都没有删"), page.tr("照着再写一遍"))
    answer = page.to("/privacy#past", page.tr("开始了。做完以后，下面的“已忘记的人”里写着做了什么"))
    answer.background = BackgroundTask(_forget, page.console, known, page.by)
    return answer


def opt_out(page: Writer, whom: str) -> Response:
    """Let somebody be nobody from now on. It is written down that it was done, and not for whom."""
    page.must_see_all()
    asked, key = _asked(page, whom), secret.of(page.settings.home)
    new = opting.opt_out(page.session, asked, key, page.by, page.now)
    return page.to(f"/privacy/people/{whom}", page.tr("{n} 个账号从现在起不留名", n=new))


def opt_in(page: Writer, whom: str) -> Response:
    """Hear somebody again as who they are."""
    page.must_see_all()
    asked, key = _asked(page, whom), secret.of(page.settings.home)
    gone = opting.opt_in(page.session, asked, key, page.by, page.now)
    return page.to(f"/privacy/people/{whom}", page.tr("{n} 个账号从现在起照常记", n=gone))


def trace(page: Reader, words: Annotated[str, Form(max_length=LONG)] = "") -> Response:
    """Look for words in everything that is kept. They are written down nowhere."""
    page.must_see_all()
    wanted = words.strip()
    if not wanted:
        raise _refuse(page.tr("没有写找什么"), page.tr("写账号、昵称或者说过的一句话"))
    found = searching.search(page.session, page.settings.home, wanted)
    return page.render("privacy_trace.html", found=found, words=wanted)


def _forget(console: Console, known: Subject, by: str) -> None:
    """Every part is a transaction of its own; what is cut short goes on when it is asked again.

    Who asks twice waits here, finds nobody left, and sweeps what could not be swept before.
    """
    with turns.taken(console.engine):
        with database.reading(console.engine) as session:
            stands = subjects.stands(session, known)
            rules = deriving.load_rules(session, console.settings.zone)
        if stands:
            home = console.settings.home
            forgetting.forget(console.engine, home, known, rules, console.clock(), by)
        forgetting.sweep(console.engine, console.clock(), by)


def _subject(page: Page, whom: str) -> Subject:
    return _known(page, _asked(page, whom))


def _asked(page: Page, whom: str) -> str:
    """The human of an address, as `subject.find` takes them. 404 where there is none."""
    found = WHOM.fullmatch(whom)
    if found is None:
        raise HTTPException(404)
    if found[1] == "person":
        return f"person:{found[2]}"
    named = select(CONTACT.c.platform_id).where(CONTACT.c.id == int(found[2]))
    platform_id = page.session.connection().scalar(named)
    if platform_id is None or platform_id.startswith(forgetting.PREFIX):
        raise HTTPException(404)
    return f"contact:{platform_id}"


def _known(page: Page, asked: str) -> Subject:
    try:
        return subjects.find(page.session, asked, secret.of(page.settings.home))
    except InvalidInput as error:
        told = error.faults[0]
        raise _refuse(page.tr(told.problem), page.tr(told.remedy)) from error


def _address(known: Subject) -> str:
    """How an address names a human, by our own numbers."""
    if known.contacts:
        return f"contact-{min(known.contacts)}"
    return f"person-{min(known.person_ids)}"


def _word(page: Page, known: Subject) -> str:
    """What has to be typed: the account, so that nobody means another one."""
    if not known.contacts:
        return page.tr(SURE)
    return known.contacts[min(known.contacts)]


def _called(page: Page, name: str) -> Sequence[Any]:
    """Who is called so, the exact ones first."""
    like = CONTACT.c.name.ilike(f"%{name.translate(LIKE)}%", escape="\\")
    query = (
        select(CONTACT.c.id, CONTACT.c.name, CONTACT.c.platform_id)
        .where(like)
        .order_by((CONTACT.c.name != name), CONTACT.c.name, CONTACT.c.id)
        .limit(MOST)
    )
    return page.session.connection().execute(query).all()


def _past(page: Page) -> list[Past]:
    """The latest first; one query."""
    steps = (forgetting.BEGUN, forgetting.FORGOTTEN, forgetting.SWEPT)
    rows = page.session.connection().execute(
        select(AUDIT.c.object, AUDIT.c.action, AUDIT.c.at, AUDIT.c.by, AUDIT.c.after)
        .where(AUDIT.c.action.in_(steps))
        .order_by(AUDIT.c.id)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row.object, {})[row.action] = row
    past = [_of(name, each) for name, each in found.items() if forgetting.BEGUN in each]
    return past[::-1][:RECENT]


def _of(name: str, steps: dict[str, Any]) -> Past:
    begun = steps[forgetting.BEGUN]
    done, swept = steps.get(forgetting.FORGOTTEN), steps.get(forgetting.SWEPT)
    contacts = (begun.after or {}).get("contacts") or []
    return Past(
        name, begun.by, begun.at, done.at if done else None, swept.at if swept else None,
        (done.after or {}) if done else {}, f"contact-{contacts[0]}" if contacts else "",
    )  # fmt: skip


def _kept(page: Page) -> dict[str, Any]:
    """From which day on messages are kept, how many went, how many days are sealed."""
    message, dropped, sealed = database.tables(Message, DroppedDay, SealedDay)
    row = page.session.connection().execute(
        select(
            select(func.min(message.c.day)).scalar_subquery().label("since"),
            select(func.coalesce(func.sum(dropped.c.messages), 0)).scalar_subquery().label("gone"),
            select(func.count()).select_from(sealed).scalar_subquery().label("sealed"),
        )
    )
    return dict(row.one()._mapping)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("privacy", 0, "", problem, remedy))


ROUTES = (
    Route("GET", "/privacy", show, ADMIN),
    Route("POST", "/privacy/find", find, ADMIN),
    Route("POST", "/privacy/trace", trace, ADMIN),
    Route("GET", "/privacy/people/{whom}", person, ADMIN),
    Route("GET", "/privacy/people/{whom}/export", export, ADMIN),
    Route("POST", "/privacy/people/{whom}/forget", forget, ADMIN),
    Route("POST", "/privacy/people/{whom}/opt-out", opt_out, ADMIN),
    Route("POST", "/privacy/people/{whom}/opt-in", opt_in, ADMIN),
)
