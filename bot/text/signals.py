"""What one message is by its own words; what needs its neighbours is decided in `counting`.

A change of any rule here or there raises RULE_VERSION.
"""

import re
from collections.abc import Sequence

from bot.models import SignalKind
from bot.text import similarity
from bot.text.wording import Wording

RULE_VERSION = 1

_EMOTICON = re.compile(r"\[[^\[\]\s]{1,8}\]")
_PLUS_ONE = re.compile(r"1+|6{3,}|(已)?收到(了|啦|啊|谢谢)?|顶+|同上|ok|好的?|嗯+|哦+")
_QUESTION_MARK = re.compile("[?\uff1f]")
_ASKING = frozenset(
    "吗 怎么 怎样 怎么样 怎么办 咋 咋办 咋样 如何 为什么 为啥 什么 啥 哪 哪个 哪款 哪家 "
    "哪里 哪儿 哪些 哪种 多少 多久 多大 几个 几点 几号 "
    "是不是 有没有 能不能 可不可以 要不要 会不会 好不好 行不行 请问 请教 求问 求推荐 谁".split()
)
_NOT_ASKING = re.compile(
    r"没什么|没啥|什么都|啥都|怎么都|哪都|哪里都|谁都|不知道(怎么|为什么|什么|谁)|什么的"
    r"|为什么不|哪里哪里|怎么也|什么也|多少(有点|都)"
)
_SHARING = frozenset("分享 晒单 晒 测评 安利 种草 回购 空瓶 返图 买家秀 作业 开箱 亲测".split())
_CHECKING_IN = frozenset("打卡 签到".split())
_COMPLAINING = frozenset(
    (
        "退款 退货 投诉 差评 假货 漏液 漏发 破损 发霉 过期 变质 "
        "过敏 烂脸 客服不理 质量差 上当 骗人 坏了 垃圾"
    ).split()
)
_TELLING = re.compile("|".join(sorted(_ASKING | _SHARING | _CHECKING_IN | _COMPLAINING)))
_DENYING = frozenset("没 没有 不 不会 不是 未 无 别".split())
# A check-in or a +1 is short; beyond this many characters it says something.
_SHORT = 12


def of(kind: str, wording: Wording | None, words: Sequence[str]) -> tuple[SignalKind, ...]:
    """The signals that a message carries by itself, at most one of them ineffective.

    `kind` is the message type, `words` are what is said (`wording.said`), segmented.
    """
    if kind == "emoticon" or (wording is not None and _is_empty_of_words(wording)):
        return (SignalKind.STICKER,)
    if wording is None:
        return ()
    if _PLUS_ONE.fullmatch(wording.normal):
        return (SignalKind.PLUS_ONE,)
    if not words and not _QUESTION_MARK.search(wording.said):
        return ()
    found = [
        signal
        for signal, holds in (
            (SignalKind.QUESTION, is_question(wording.said, words)),
            (SignalKind.SHARE, not _SHARING.isdisjoint(words)),
            (SignalKind.COMPLAINT, _complains(words)),
        )
        if holds
    ]
    if SignalKind.QUESTION in found and SignalKind.SHARE in found:
        # "求分享" asks for a share; it is not one.
        found.remove(SignalKind.SHARE)
    if not found and len(wording.normal) <= _SHORT and not _CHECKING_IN.isdisjoint(words):
        return (SignalKind.CHECK_IN,)
    return tuple(found)


def need_words(text: str) -> bool:
    """Whether any word that `of` looks for stands in the text at all: if none does, cutting it
    into words, which is what costs, finds none either.
    """
    return _TELLING.search(text) is not None


def is_question(text: str, words: Sequence[str]) -> bool:
    """Whether a message asks something: a question mark or a question word not used as a filler."""
    if _QUESTION_MARK.search(text):
        return True
    return not _ASKING.isdisjoint(words) and not _NOT_ASKING.search(text)


def _complains(words: Sequence[str]) -> bool:
    return any(
        word in _COMPLAINING and (place == 0 or words[place - 1] not in _DENYING)
        for place, word in enumerate(words)
    )


def _is_empty_of_words(wording: Wording) -> bool:
    if not wording.normal or "[" not in wording.said:
        return not wording.normal
    return not similarity.normalise(_EMOTICON.sub("", wording.said))
