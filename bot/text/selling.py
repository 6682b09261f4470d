"""Whether a message advertises, or holds an order number. Texts are in the form `plain` gives."""

import re
from typing import Final

# How to reach somebody outside the room.
_CONTACT: Final = re.compile(
    r"""
        (?:微信|微x|[vw]x|v信|薇信|威信|微❤|v❤|qq|扣扣
        |企鹅)号?[:是为\s]{0,3}[a-z0-9][a-z0-9_-]{4,19}|加(?:我|个|下|一下)?(?:微信|好友|[vw]x|v
        |qq|薇)|\+[vw]x?\s?[:a-z0-9]|(?:联系|咨询|私聊?|详询)[^,。!?]{0,6}1[3-9]\d{9}
    """,
    re.VERBOSE,
)
_CODE: Final = re.compile(
    r"""
        扫(?:一扫|码|描|下方|下面)|二维码|长按(?:识别|图片)|识别图中
    """,
    re.VERBOSE,
)
_LURE: Final = re.compile(
    r"""
        兼职|刷单|日[结入赚]|月入|轻松赚|在家赚|躺赚|副业|招(?:代理|募|聘)|[招找]代理|加盟|返利
        |佣金|免费(?:领|送|进)|[0零]元(?:领|购|送)|领红包|砍一刀|助力|拉新
        |[进加拉入](?:我的?)?(?:群|裙|福利)|低价(?:出|批发)|货源|工厂直[销供]|批发价|贷款|办证
        |代开|带单|荐股|博彩|下注|彩票|注册(?:即|就|送)|[点戳](?:击|开)?(?:链接|下方)|复制(?:这
        |链接|口令|此)|淘口令|限时(?:抢|秒)|内部(?:价|券|渠道)|名额有限|先到先得|需要的(?:联系
        |私|加|滴滴|扣)|有意[者的]?(?:联系|私|加)|诚招|信用卡
    """,
    re.VERBOSE,
)
_PASSWORD: Final = re.compile(r"[¥$€₤][a-z0-9]{8,}[¥$€₤]")
ADVERTISEMENT_CUES: Final = (
    "微信 微x v信 vx wx 薇信 威信 微❤ v❤ qq 扣扣 企鹅 加我 加个 加下 加一下 加好友 加v 加w  "
    "加q 加薇 +v +w 联系 咨询 私 详询 ¥ $ € ₤ 兼职 刷单 日结 日入 日赚 月入 轻松赚 在家赚  "
    "躺赚 副业 招 找代理 加盟 返利 佣金 免费 0元 零元 领红包 砍一刀 助力 拉新 群 裙 福利  "
    "低价 货源 工厂 批发价 贷款 办证 代开 带单 荐股 博彩 下注 彩票 注册 点击 点开 点链接  "
    "点下方 戳链接 戳击 戳开 戳下方 复制 淘口令 限时 内部 名额有限 先到先得 需要的 有意  "
    "信用卡 "
).split()
_DIGITS: Final = re.compile(r"\d{10}")
_NUMBER: Final = re.compile(r"(?<![a-z0-9])[a-z]{0,4}(\d{10,32})(?![a-z0-9])")
_NUMBERED: Final = re.compile(r"订单|单号|编号|快递|物流|运单|下单")
_OTHER_NUMBER: Final = re.compile(r"身份证|银行|卡号|账号|帐号|手机|电话|微信|qq|税号")
_PHONE: Final = re.compile(r"1[3-9]\d{9}")
# From so many digits on, a number by itself is one of an order.
_LONG: Final = 15


def advertisement(plain: str, *, has_link: bool) -> str | None:
    """The rule by which a text advertises: contact, code, link or lure. One hint alone is none."""
    lures = len({match.group() for match in _LURE.finditer(plain)})
    if _PASSWORD.search(plain):
        return "link"
    if _CONTACT.search(plain) and (lures or len(plain) > _LONG):
        return "contact"
    if lures and _CODE.search(plain):
        return "code"
    if lures and has_link:
        return "link"
    return "lure" if lures > 1 else None


def order_number(plain: str) -> str | None:
    """The rule by which a text holds an order's number: named (as one), or digits alone."""
    if _DIGITS.search(plain) is None:
        return None
    found = [match.group(1) for match in _NUMBER.finditer(plain)]
    found = [digits for digits in found if not _PHONE.fullmatch(digits)]
    if not found or _OTHER_NUMBER.search(plain):
        return None
    if _NUMBERED.search(plain):
        return "named"
    return "digits" if any(len(digits) >= _LONG for digits in found) else None
