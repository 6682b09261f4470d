"""Whom a request is about: the contacts and identifiers of one human."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, tuple_
from sqlmodel import Session

from bot import database, pseudonyms
from bot.errors import Fault, InvalidInput
from bot.models import Account, Contact, Identity, IdentityKind, Person
from bot.models.columns import escape, unescape

Identifier = tuple[IdentityKind, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """One human as we know them. `contacts` maps contact ids to platform ids; identifiers other
    than contacts are as stored: unionids in the clear, phones and buyers as pseudonyms.
    """

    contacts: dict[int, str]
    identifiers: frozenset[Identifier]
    person_ids: frozenset[int]
    numbers: frozenset[str] = frozenset()


def find(session: Session, asked: str, secret: bytes) -> Subject:
    """The human behind `contact:ID`, `unionid:ID`, `phone:NUMBER` or `person:NUMBER`, the number
    of a person of ours. Raises InvalidInput.

    Whoever is quarantined may be several humans: then only the one contact that was named.
    """
    if asked.startswith("person:"):
        return _numbered(session, asked.removeprefix("person:"))
    kind, value = _parsed(asked, secret)
    persons = _persons(session, [(kind, value)])
    if any(quarantined for _, quarantined in persons):
        if kind is not IdentityKind.CONTACT:
            raise _fault("这个人的身份在隔离中,可能是几个人", "先拆开身份,或者逐个写 contact:ID")
        return _checked(session, {(kind, value)}, frozenset())
    person_ids = frozenset(person for person, _ in persons)
    found = _checked(session, {(kind, value), *_identifiers(session, person_ids)}, person_ids)
    return replace(found, numbers=_spellings(asked)) if kind is IdentityKind.PHONE else found


def stands(session: Session, subject: Subject) -> bool:
    """Whether anything still names them: not once they are forgotten."""
    contact, identity = database.tables(Contact, Identity)
    accounts = select(contact.c.id).where(contact.c.platform_id.in_(subject.contacts.values()))
    named = sorted((kind.value, value) for kind, value in subject.identifiers)
    known = select(identity.c.value).where(tuple_(identity.c.kind, identity.c.value).in_(named))
    connection = session.connection()
    return any(connection.execute(query.limit(1)).first() for query in (accounts, known))


def _numbered(session: Session, number: str) -> Subject:
    person = database.table(Person).c
    asked = int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 0
    named = select(person.id, person.quarantined).where(person.id == asked)
    row = session.connection().execute(named).first()
    if row is None:
        raise _fault("没有这个编号的人", "编号见 qunyun people")
    if row.quarantined:
        raise _fault("这个人的身份在隔离中,可能是几个人", "先拆开身份,或者逐个写 contact:ID")
    return _checked(session, set(_identifiers(session, [row.id])), frozenset([row.id]))


def _spellings(asked: str) -> frozenset[str]:
    """A phone as it was asked for, with its country's code and without."""
    normal = pseudonyms.normal_phone(asked.removeprefix("phone:"))
    return frozenset({normal, normal.removeprefix("+86")})


def _parsed(asked: str, secret: bytes) -> Identifier:
    kind, _, value = asked.partition(":")
    if kind == "phone" and value:
        pseudonym = pseudonyms.of_phone(secret, value)
        if pseudonym is None:
            raise _fault("不是一个能指到人的手机号", "写完整的号码,不带星号")
        return IdentityKind.PHONE, pseudonym
    if kind in ("contact", "unionid") and value:
        # As the identity tables keep it.
        return IdentityKind(kind), escape(value)
    raise _fault(
        "不知道说的是谁", "写 contact:ID、unionid:ID、person:编号 或 phone:-(从标准输入读)"
    )


def _persons(session: Session, named: Sequence[Identifier]) -> list[tuple[int, str | None]]:
    identity, person = database.tables(Identity, Person)
    rows = session.connection().execute(
        select(person.c.id, person.c.quarantined)
        .join(identity, identity.c.person_id == person.c.id)
        .where(identity.c.kind == named[0][0], identity.c.value == named[0][1])
    )
    return [(row[0], row[1]) for row in rows]


def _identifiers(session: Session, person_ids: Collection[int]) -> list[Identifier]:
    identity = database.table(Identity).c
    rows = session.connection().execute(
        select(identity.kind, identity.value).where(identity.person_id.in_(person_ids))
    )
    return [(row[0], row[1]) for row in rows]


def _checked(session: Session, identifiers: set[Identifier], person_ids: frozenset[int]) -> Subject:
    contact, account = database.tables(Contact, Account)
    named = [unescape(value) for kind, value in identifiers if kind is IdentityKind.CONTACT]
    rows = session.connection().execute(
        select(contact.c.id, contact.c.platform_id, account.c.id)
        .outerjoin(account, account.c.contact_id == contact.c.id)
        .where(contact.c.platform_id.in_(named))
    )
    found = rows.all()
    if any(own is not None for _, _, own in found):
        raise _fault("这是我们自己的机器人账号", "换一个人")
    if not found and not person_ids:
        raise _fault("没有这个人的任何记录", "核对写法;被忘记的人也查不到")
    return Subject(
        {id: platform_id for id, platform_id, _ in found}, frozenset(identifiers), person_ids
    )


def _fault(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("PERSON", 0, "", problem, remedy))
