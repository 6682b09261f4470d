"""What became of a post, from the platform's answer. Pure.

    the platform's code is 0                   posted
    a code or words that say "too fast", 429   SendRefused, throttled
    any other code, 4xx without one            SendRefused with the code and a remedy
    anything else (busy, 5xx, 3xx, no JSON)    SendUncertain

A code that we do not know in an answer with status 5xx is some proxy's and decides nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot import errors

_TOO_FAST = re.compile(r"too (?:many|fast)|frequen|\bfreq\b|rate.?limit|频率|频繁|限流", re.I)
_LONGEST_WORDS = 160
_UNKNOWN_REMEDY = "请按错误码查平台的文档"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a platform's code says, and what a person can do. `throttled`: it asks for rest."""

    problem: str
    remedy: str
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a platform answers: the JSON fields of its code and words, and what the codes mean.

    `busy` are codes that do not say whether the post got through. `rest` is how long the platform
    takes nothing once it said "too fast".
    """

    title: str
    code: tuple[str, ...]
    words: tuple[str, ...]
    meanings: Mapping[int, Meaning]
    busy: frozenset[int] = frozenset()
    rest: dt.timedelta = dt.timedelta(minutes=1)


def check(dialect: Dialect, status: int, body: bytes, secrets: Iterable[str] = ()) -> None:
    """Return where the post is in its room. `secrets` are blotted out of the platform's words.

    Raises SendRefused where it is surely not there, SendUncertain where the answer leaves it open.
    """
    answer = _object(body)
    code = _code(answer, dialect.code)
    words = _words(answer, dialect.words, secrets)
    if code == 0 and 200 <= status < 300:
        return
    if status == 429:
        reason = f"{dialect.title}嫌发得太快(HTTP 429),请歇一会儿"
        raise errors.SendRefused(reason, throttled=True, rest=dialect.rest)
    if code in dialect.busy:
        raise errors.SendUncertain(f"{dialect.title}系统繁忙({code}),没有说消息发出没有")
    meaning = dialect.meanings.get(code) if code else None
    if code and (meaning or status < 500):
        raise _refusal(dialect, code, words, meaning)
    if code is None and 400 <= status < 500 and status != 408:
        raise errors.SendRefused(f"{dialect.title}没有收下(HTTP {status}),请核对机器人的地址")
    raise errors.SendUncertain(f"{dialect.title}的答复看不懂(HTTP {status})")


def _refusal(
    dialect: Dialect, code: int, words: str, meaning: Meaning | None
) -> errors.SendRefused:
    title, said = dialect.title, f"{code} {words}".strip()
    if meaning is None:
        reason = f"{title}没有发出这条消息({said});{_UNKNOWN_REMEDY}"
    else:
        reason = f"{title}没有发出这条消息:{meaning.problem}({said});{meaning.remedy}"
    # The same code can be said of two things (飞书 9499), so the words count beside it.
    throttled = bool(meaning and meaning.throttled) or bool(_TOO_FAST.search(words))
    return errors.SendRefused(reason, throttled=throttled, rest=dialect.rest if throttled else None)


def _object(body: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _code(answer: Mapping[str, object], names: Iterable[str]) -> int | None:
    for name in names:
        value = answer.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            return int(value)
    return None


def _words(answer: Mapping[str, object], names: Iterable[str], secrets: Iterable[str]) -> str:
    found = next((value for name in names if isinstance(value := answer.get(name), str)), "")
    for secret in secrets:
        if secret:
            found = found.replace(secret, "***")
    return " ".join(found.split())[:_LONGEST_WORDS]
