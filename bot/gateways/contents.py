"""What a post sends, checked against what its gateway can do: the same for every gateway. Pure."""

from __future__ import annotations

import math

from bot import errors, gateway

Content = str | gateway.Image | gateway.Link | gateway.MiniProgram


def only(post: gateway.Post, capabilities: gateway.Capabilities) -> Content:
    """The one thing that a post sends.

    Raises SendRefused, before anything is handed over, for a post that holds several things or
    none, for a kind that the gateway cannot send and for a picture above its limit.
    """
    given = [
        content
        for content in (post.text or None, post.image, post.link, post.mini_program)
        if content is not None
    ]
    if len(given) != 1:
        problem = "消息是空的" if not given else "一条消息里有不止一样内容"
        raise errors.SendRefused(f"{problem},请只给文字、图片、链接、小程序中的一样")
    [content] = given
    match content:
        case gateway.Image():
            _require(capabilities.images, "图片")
            _require_size(content, capabilities.largest_image)
        case gateway.Link():
            _require(capabilities.links, "链接卡片")
        case gateway.MiniProgram():
            _require(capabilities.mini_programs, "小程序卡片")
    return content


def _require(able: bool, kind: str) -> None:
    if not able:
        raise errors.SendRefused(f"这个账号的通道不能发{kind},请改用文字,或换一个通道")


def _require_size(image: gateway.Image, largest: int | None) -> None:
    size = len(image.content)
    if largest is not None and size > largest:
        # Rounded up, or a picture just above the limit would be shown as equal to it.
        shown = math.ceil(size / 100_000) / 10
        raise errors.SendRefused(
            f"图片有 {shown:g} MB,超过通道的 {largest / 1_000_000:g} MB 上限,请压缩后再发"
        )
