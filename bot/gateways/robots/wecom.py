"""企业微信群机器人: posts in its words, and what its codes mean. Pure.

Source: developer.work.weixin.qq.com/document/path/91770 (群机器人配置说明) and path/90313
(全局错误码).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from bot import errors, gateway
from bot.gateways import contents
from bot.gateways.robots import answers, texts, webhook

TITLE = "企业微信群机器人"

# Bytes of UTF-8. The platform itself cuts a link's title and description silently; we refuse.
LARGEST_TEXT = 2_048
LARGEST_MARKDOWN = 4_096
LARGEST_LINK_TITLE = 128
LARGEST_LINK_DESCRIPTION = 512
LARGEST_LINK_URL = 2_048
# "2 MB" before base64; the smaller of its two readings.
LARGEST_IMAGE = 2_000_000
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff")

_BAD_KEY = "请在群里核对机器人的 Webhook 地址,改好 QUNYUN_GATEWAYS"
_REST = "请减慢发送;每个机器人每分钟最多 20 条"
_SHORTEN = "请缩短后再发"
DIALECT = answers.Dialect(
    title=TITLE,
    code=("errcode",),
    words=("errmsg",),
    busy=frozenset({-1}),
    meanings={
        40008: answers.Meaning("消息类型不对", "请升级群运"),
        40009: answers.Meaning("图片太大或格式不对", "请用 2 MB 以内的 JPG 或 PNG"),
        40058: answers.Meaning("内容不合要求,多半是太长", _SHORTEN),
        44004: answers.Meaning("内容是空的", "请写上内容再发"),
        45002: answers.Meaning("内容太长", _SHORTEN),
        45009: answers.Meaning("发得太快", _REST, throttled=True),
        45033: answers.Meaning("同时发的太多", _REST, throttled=True),
        93000: answers.Meaning("机器人的 key 无效,或它已被移出群", _BAD_KEY),
        93004: answers.Meaning("机器人被停用", "请让管理员启用机器人"),
        93008: answers.Meaning("机器人不在群里", "请把机器人加回群里"),
        301019: answers.Meaning("图片校验没有通过", "请换一张图片再试"),
    },
)


def pack(
    key: webhook.Key, content: contents.Content, mention_all: bool, now: datetime
) -> webhook.Request:
    """A post as the platform takes it. Raises SendRefused for what is too long or no picture.

    Only a `text` can call everyone. Else a text goes as `markdown` where it is Markdown or longer
    than `text` allows, which leaves plain text as it is.
    """
    match content:
        case gateway.Image():
            message = _image(content)
        case gateway.Link():
            message = _link(content)
        case str():
            message = _text(texts.calling_nobody(content), mention_all)
        case _:
            raise errors.SendRefused(f"{TITLE}发不了小程序卡片,请改用文字或链接")
    return webhook.Request("/cgi-bin/webhook/send", {"key": key.key}, webhook.packed(message))


def _text(text: str, mention_all: bool) -> dict[str, object]:
    size = len(text.encode())
    if mention_all:
        texts.require_size("要 @所有人 的文字", size, LARGEST_TEXT)
        return {"msgtype": "text", "text": {"content": text, "mentioned_list": ["@all"]}}
    if size <= LARGEST_TEXT and not texts.is_markdown(text):
        return {"msgtype": "text", "text": {"content": text}}
    texts.require_size("文字", size, LARGEST_MARKDOWN)
    return {"msgtype": "markdown", "markdown": {"content": text}}


def _image(image: gateway.Image) -> dict[str, object]:
    if not image.content.startswith(_PICTURES):
        raise errors.SendRefused(f"{TITLE}只收 JPG 和 PNG 图片,请转换格式后再发")
    encoded = base64.b64encode(image.content).decode()
    digest = hashlib.md5(image.content, usedforsecurity=False).hexdigest()
    return {"msgtype": "image", "image": {"base64": encoded, "md5": digest}}


def _link(link: gateway.Link) -> dict[str, object]:
    texts.require_size("链接标题", len(link.title.encode()), LARGEST_LINK_TITLE)
    texts.require_size("链接描述", len(link.description.encode()), LARGEST_LINK_DESCRIPTION)
    texts.require_size("链接地址", len(link.url.encode()), LARGEST_LINK_URL)
    article = {
        "title": link.title,
        "description": link.description,
        "url": link.url,
        "picurl": link.image,
    }
    told = {name: value for name, value in article.items() if value}
    return {"msgtype": "news", "news": {"articles": [told]}}


PLATFORM = webhook.Platform(
    name="wecom",
    title=TITLE,
    origin="https://qyapi.weixin.qq.com",
    signs=False,
    capabilities=gateway.Capabilities(
        read=gateway.Read.NONE,
        post=gateway.Posting.DIRECT,
        images=True,
        links=True,
        mention_all=True,
        posts_per_minute=20,
        largest_image=LARGEST_IMAGE,
    ),
    dialect=DIALECT,
    pack=pack,
)
