"""The rules of touches, asked in the order in which `bot.insights.classing` asks them."""

from collections.abc import Sequence

from bot.insights import touches
from bot.insights.touches import Naming, Post
from bot.models import Touch
from bot.text import lexicon, similarity


def classify(
    namings: Sequence[Naming], posts: Sequence[Post], marks: lexicon.Lexicon
) -> dict[tuple[int, int], Touch]:
    """The class of each naming by (message, product), where nothing else was ever said or sent."""
    arrived = {(post.room_id, post.name): post for post in posts if post.name}
    normals = {naming.message_id: similarity.normalise(naming.text) for naming in namings}
    ours = {naming.message_id for naming in namings if (naming.room_id, naming.name) in arrived}
    keys = {message: touches.text_key(normal) for message, normal in normals.items()}
    going_round = touches.spread(
        touches.Saying(key, naming.room_id, naming.contact_id, naming.at, naming.message_id)
        for naming in namings
        if naming.message_id not in ours and (key := keys[naming.message_id]) is not None
    )
    texts = touches.campaign_texts((post.text, post.at) for post in posts if post.promo)
    kinds = {
        (naming.message_id, naming.product_id): touches.kind(
            naming, normals[naming.message_id], arrived.get((naming.room_id, naming.name)),
            marks=marks, texts=texts, spread=naming.message_id in going_round,
        )
        for naming in namings
    }  # fmt: skip
    told = touches.promos(
        [
            *(
                (naming.stream, naming.at, naming.name)
                for naming in namings
                if kinds[naming.message_id, naming.product_id] == Touch.PROMO
            ),
            *touches.promo_posts(posts),
        ]
    )
    return {
        (naming.message_id, naming.product_id): kinds[naming.message_id, naming.product_id]
        or touches.member_kind(naming, told.get(naming.stream))
        for naming in namings
    }
