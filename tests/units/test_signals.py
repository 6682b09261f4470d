"""What a message is by its own words, and by which rule."""

import pytest

from bot.models import SignalKind
from bot.text import feeling, signals
from bot.text.wording import wording

Q, ASKED_PRICE, BUYS = SignalKind.QUESTION, SignalKind.PRICE_QUESTION, SignalKind.PURCHASE_INTENT
BAD, GOOD, SHARE = SignalKind.COMPLAINT, SignalKind.PRAISE, SignalKind.SHARE
AD, NUMBER = SignalKind.ADVERTISEMENT, SignalKind.ORDER_NUMBER
HELLO, HERE, SAME = SignalKind.GREETING, SignalKind.CHECK_IN, SignalKind.PLUS_ONE


def heard(text: str, kind: str = "text") -> dict[SignalKind, str]:
    return {sign.kind: sign.rule for sign in signals.of(kind, wording(text))}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("这款适合敏感肌?", "mark"),
        ("红屁屁怎么办", "word"),
        ("有谁知道几个月加辅食", "word"),
        ("这个能用吗", "particle"),
        ("到了没", "particle"),
        ("這款面霜會過敏嗎", "particle"),
        ("洗了会不会掉色", "choice"),
        ("麻烦把地址发我一下", "request"),
        ("求推荐一款面霜", "request"),
        ("想了解一下早教班", "request"),
    ],
)
def test_a_question_is_heard_by_its_rule(text: str, rule: str) -> None:
    assert heard(text)[Q] == rule


@pytest.mark.parametrize(
    "text",
    [
        "没什么,随便看看",
        "难道我不知道要晒干",
        "我也不知道怎么回事",
        "哪怕下雨也要去",
        "推荐一个五花肉腮红,超可爱",
        "看图 https://a.cn/x?id=1",
        "动不动就下雨",
        "我推荐给大家",
        "[疑问?]",
    ],
)
def test_what_only_looks_like_a_question_is_none(text: str) -> None:
    assert Q not in heard(text)


@pytest.mark.parametrize(
    ("text", "severity", "rule"),
    [
        ("收到就漏液了", 2, "defect"),
        ("收到的瓶子漏液了怎么办", 2, "defect"),
        ("怀疑是假货,我要投诉", 3, "fraud"),
        ("用了两天脸上过敏红肿", 3, "harm"),
        ("客服一直不回复", 2, "service"),
        ("订单七天了还没发货", 2, "service"),
        ("为什么一直不发货?", 2, "service"),
        ("这也叫正品?买来就掉色", 2, "defect"),
        ("这个面霜太难用,后悔买了", 1, "displeased"),
        ("買來就破損了", 2, "defect"),
        ("外面有划痕,可以取件吗", 2, "defect"),
        ("电脑到货了,鼠标没到!", 2, "service"),
        ("为什么京东快递没有任何物流信息?", 2, "service"),
        ("京东不是说今天送达嘛", 1, "contrary"),
        ("手机收到充电也不亮,要保修", 2, "broken"),
        ("你们的物流真的让人不满意", 1, "displeased"),
        ("快递信息三天没更新了", 2, "service"),
        ("空调今天还没人来安装", 2, "service"),
        ("订单都八天了,一直没派送", 2, "service"),
        ("显示已签收,可是我没拿到快递", 2, "service"),
        ("插头松动,噪音特别大", 2, "defect"),
        ("电池坏了怎么修", 2, "broken"),
        ("用了之后特别干,白买了", 2, "defect"),
        ("下单页面上说今天送到,结果快递又改成后天", 1, "contrary"),
        ("昨天买的今天就降价了", 1, "protest"),
        ("如果不合适可以退,可是收到就破损了", 2, "defect"),
    ],
)
def test_a_complaint_has_a_severity_and_a_rule(text: str, severity: int, rule: str) -> None:
    found = [sign for sign in signals.of("text", wording(text)) if sign.kind is BAD]
    assert [(sign.severity, sign.rule) for sign in found] == [(severity, rule)]


@pytest.mark.parametrize(
    "text",
    [
        "用了没有过敏",
        "一点也不难用",
        "会过敏吗",
        "如果破损怎么处理",
        "听说有假货",
        "七天无理由可以退货",
        "宝宝拉肚子怎么办",
        "老公气死我了",
        "垃圾分类做起来",
        "担心过期",
        "优惠券过期了",
        "带豆包去洗澡,回来不理我了",
        "差点摔坏了",
        "刚买的手机降价了,能退差价吗",
        "订单还没发货,能改地址吗",
        "不满意可以退货",
        "我居然睡过头了",
        "只发两箱到公司",
        "好几天没听到你的声音了",
        "没接到你电话,不好意思",
        "大概三天才到,不急",
        "每次都不用一样的",
        "手洗不干净",
        "保修期内碎了怎么处理",
        "这么久没见,想大家了",
    ],
)
def test_denied_feared_asked_or_private_trouble_is_no_complaint(text: str) -> None:
    assert BAD not in heard(text)


def test_words_of_a_complaint_without_certainty_are_abstained_from() -> None:
    assert feeling.grievance(wording("听说有假货").plain) == feeling.UNSURE
    assert feeling.grievance(wording("今天吃面").plain) is None


def test_a_complaint_is_explained_by_the_words_that_the_rule_heard() -> None:
    plain = wording("没有漏液,可是收到就开裂了,瓶口开裂,还掉色;如果发霉怎么办").plain
    assert feeling.words(plain, "defect") == ("开裂", "掉色")
    assert feeling.words(plain, "fraud") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这款多少钱", {ASKED_PRICE, Q}),
        ("包邮吗", {ASKED_PRICE, Q}),
        ("有没有优惠", {Q}),
        ("几块钱的小事", set()),
        ("求链接", {BUYS, Q}),
        ("在哪里买的", {BUYS, Q}),
        ("我想买两包", {BUYS}),
        ("已拍", {BUYS}),
        ("不想买了", set()),
        ("这个面霜好用,质量很好", {GOOD}),
        ("今天天气不错", set()),
        ("这个面霜不好用吗", {Q}),
        ("分享一下我家的空瓶", {SHARE}),
        ("晒单!面霜到了", {SHARE}),
        ("谢谢分享", set()),
        ("今天的防晒涂了", set()),
        ("早上好", {HELLO}),
        ("大家早[微笑]", {HELLO}),
        ("新人报到", {HELLO}),
        ("早上好呀,今天降温记得加衣服哦", set()),
        ("打卡第3天", {HERE}),
        ("打卡点在哪", {Q}),
        ("+1[强]", {SAME}),
        ("同问", {SAME}),
        ("加我微信abc12345,招代理日入过千", {AD}),
        ("扫码进群免费领", {AD}),
        ("免费领 https://t.cn/abc", {AD}),
        ("有二维码吗", {Q}),
        ("看看这个 https://t.cn/abc", set()),
        ("订单号 E20261109123456", {NUMBER}),
        ("202611091234567890", {NUMBER}),
        ("13800138000", set()),
        ("身份证 110101199001011234", set()),
        ("看 https://a.cn/202611091234567890", set()),
    ],
)
def test_a_message_is_what_it_says(text: str, expected: set[SignalKind]) -> None:
    assert set(heard(text)) == expected


def test_a_link_with_an_emoticon_is_no_sticker() -> None:
    assert heard("[微笑]https://a.cn/x") == {}
    assert heard("[微笑][强]") == {SignalKind.STICKER: "sticker"}


@pytest.mark.parametrize(
    "text",
    [
        "不" * 50_000,
        "没有" * 25_000,
        "等了" * 20_000 + "天",
        "😀" * 5_000,
        "a1" * 50_000,
        "请帮" * 20_000,
        "@" * 50_000,
        "[" * 50_000,
        "http" * 20_000,
    ],
)
def test_a_huge_message_is_judged(text: str) -> None:
    assert isinstance(signals.of("text", wording(text)), tuple)
