"""What is said by way of manners: greetings, check-ins, +1; and what is shared."""

import re
from typing import Final

_TO: Final = (
    r"(?:大家|各位|姐妹们?|宝[妈宝贝]们?|亲爱?的?们?|群主|老师们?|朋友们?|家人们?|小伙伴们?"
    r"|美女们?|群里的?)"
)
_HELLO: Final = r"""(?:
        早安|早上好|早晨好|早[呀啊哦]?|上午好|中午好|午安|下午好|晚上好|晚好|晚安|你们?好|您好
        |大家好|好久不见|哈[喽啰罗]|嗨|hello|hi|hey|新年好|过年好
        |(?:新年|春节|元旦|中秋|国庆|圣诞|生日|节日|周末|端午|六一|情人节|女神节|母亲节)(?:快乐
        |愉快|安康)|欢迎(?:新人|新朋友|新成员|加入|入群|进群|欢迎)*|新人报[到道]|报[到道]
        |新来的|新人|第一次进群|刚进群|终于进群了
    )"""
# The whole of a message without punctuation, or nearly.
_GREETING: Final = re.compile(
    rf"{_TO}?{_HELLO}{{1,3}}{_TO}?[呀啊哦哈呢啦~]*|{_HELLO}(?:{_TO}|新人|请?多?关照|[呀啊])*",
    re.VERBOSE,
)
_CHECK_IN: Final = re.compile(r"(?:打卡|签到)(?![点地机处店器])")
_PLUS_ONE: Final = re.compile(
    r"""
        1+|6{3,}|(已)?收到(了|啦|啊|谢谢)?|顶(一下|起来|上去)?|顶+|同上|同问|同求|蹲+|马克|mark
        |插眼|ok|好的?|嗯+|哦+
    """,
    re.VERBOSE,
)
_THANKS: Final = re.compile("谢|感谢|懂了|明白|知道了|收到|学到|记下|好嘞|太有用")
_NOT_SHARED: Final = re.compile(
    r"""
        (?:谢谢?|感谢|多谢|求|期待|看|听|喜欢|等|能|可以|帮忙|请|快|想看|来
        |给我)[你您大家姐妹们的个了点]{0,4}(?:分享|测评|晒|安利|种草)|分享[日会群]|[被求]种草
        |种草了|防晒|晒太阳|暴晒|晒黑|晒伤|晒干|晾晒|(?:没|不)[想要会]?分享|分享(?:给我|一下吗
        |吗|呗)
    """,
    re.VERBOSE,
)
_SHARED: Final = re.compile(
    r"""
        分享|晒(?:单|图|一下|一晒|出|个|娃|照|我)|测评|评测|安利|给大家种草|空瓶|返图|买家秀
        |开箱|拆箱|亲测|(?:使用|真实)(?:感受|体验|心得|反馈)|用后感|回购(?:第|了|无数|清单|系列)
        |来汇报|交作业|作业[来了]|夸夸
    """,
    re.VERBOSE,
)
SHARE_CUES: Final = (
    "分享 晒 测评 评测 安利 种草 空瓶 返图 买家秀 开箱 拆箱 亲测 使用 真实 用后感 回购 "
    "来汇报 作业 夸夸"
).split()
_TELLS: Final = re.compile(
    r"""
        我家|我的|我们家|自己|今[天早晚]|刚到|到货|收到|用了|穿[了着]|做[的了]|试了|成品|效果
        |终于|新买|入手
    """,
    re.VERBOSE,
)
# A check-in or a +1 is short; beyond this many characters it says something.
_SHORT: Final = 12


def greets(normal: str) -> bool:
    """Whether a text, normalised, is a greeting and nothing else."""
    return _GREETING.fullmatch(normal) is not None


def checks_in(normal: str) -> bool:
    """Whether a text, normalised, is a check-in and not much else."""
    return len(normal) <= _SHORT and _CHECK_IN.search(normal) is not None


def agrees(normal: str) -> bool:
    """Whether a text, normalised, is a +1 and nothing else."""
    return _PLUS_ONE.fullmatch(normal) is not None


def thanks(normal: str) -> bool:
    """Whether a text, normalised, is a word of thanks or says that something was understood."""
    return len(normal) <= _SHORT and _THANKS.search(normal) is not None


def shares(plain: str) -> bool:
    """Whether a text says that it shares something."""
    if _SHARED.search(plain) is None:
        return False
    return _SHARED.search(_NOT_SHARED.sub("", plain)) is not None


def tells(plain: str) -> bool:
    """Whether a text tells of something of one's own, as one does beside a picture."""
    return _TELLS.search(plain) is not None
