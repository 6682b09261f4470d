"""Secrets of the console: passwords (argon2id) and random tokens, of which only hashes are kept."""

import hashlib
import secrets
from functools import cache

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from bot.errors import Fault, InvalidInput

LEAST = 10
LONGEST = 200


@cache
def _hasher() -> argon2.PasswordHasher:
    return argon2.PasswordHasher()


@cache
def _nobody() -> str:
    # What is compared where there is no such operator, so that both take the same time.
    return _hasher().hash(secrets.token_urlsafe())


def hash_password(password: str, name: str) -> str:
    """The argon2id hash of a new password. Raises InvalidInput where it is too weak."""
    if len(password) < LEAST or len(password) > LONGEST:
        raise _weak("密码要 10 到 200 个字符", "用几个不相干的词连起来，好记也难猜")
    if len(set(password)) < LEAST // 2 or name.casefold() in password.casefold():
        raise _weak("密码太好猜", "不要重复同样的字符，也不要包含自己的名字")
    return _hasher().hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; as slow where none is stored."""
    try:
        return _hasher().verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    """A token of 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token: enough to know it again, of no use to who reads the database."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _weak(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("password", 0, "password", problem, remedy))
