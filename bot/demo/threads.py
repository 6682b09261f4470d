"""Threads: a question with its answers, a share, a complaint, small talk."""

import datetime as dt

from bot.demo import content
from bot.demo import stage as stages
from bot.demo.community import Member
from bot.demo.content import Ask, Product, Words
from bot.demo.stage import Spoken, Stage


def ask(stage: Stage, at: dt.datetime, frame: str = "<lead><q>") -> None:
    """A question about a product, its answers, a word of thanks."""
    product = stages.famous(stage)
    words = content.scene(stage.rng, stage.room.vertical, product)
    subject = stage.rng.choice(product.asks)
    _question(stage, at, frame, subject, words=words, product=product)


def ask_generally(stage: Stage, at: dt.datetime, frame: str = "<lead><q>") -> None:
    """A question about life with children, clothes, cats: no product."""
    words = content.scene(stage.rng, stage.room.vertical)
    subject = stage.rng.choice(stage.room.vertical.asks)
    _question(stage, at, frame, subject, words=words, product=None)


def want(stage: Stage, at: dt.datetime) -> None:
    """Somebody looks for a kind of product; others recommend theirs."""
    product = stages.famous(stage)
    asker = stage.crowd.draw(stage.rng)
    words = content.scene(stage.rng, stage.room.vertical, product)
    wish = "<lead>" + stages.fresh(stage, content.phrases()["wants"])
    asked = stages.say(stage, at, asker, wish, words)
    answered = None
    for moment in stages.delays(stage.rng, at, 240, stage.rng.randint(1, 4)):
        lines = "recommend" if stage.rng.random() < 0.7 else "recommend_other"
        line = stages.fresh(stage, content.phrases()[lines])
        told = content.scene(stage.rng, stage.room.vertical, product)
        member = stage.crowd.draw(stage.rng, asker)
        stages.reply(stage, moment, member, asked, line, words=told, product=product)
        answered = answered or moment
    _thank(stage, answered, asker)


def intend(stage: Stage, at: dt.datetime, asker: Member, product: Product) -> None:
    """Somebody who is about to buy asks for the price or the link."""
    words = content.scene(stage.rng, stage.room.vertical, product)
    line = "<lead>" + stage.rng.choice(content.phrases()["intent"])
    asked = stages.say(stage, at, asker, line, words, product=product)
    for moment in stages.delays(stage.rng, at, 200, stage.rng.randint(0, 2)):
        line = stages.fresh(stage, content.phrases()["price_answer"])
        stages.reply(stage, moment, stage.crowd.draw(stage.rng, asker), asked, line, words=words)


def share(
    stage: Stage,
    at: dt.datetime,
    frame: str = "<share>",
    *,
    sharer: Member | None = None,
    product: Product | None = None,
    lines: str = "share",
) -> None:
    """Somebody tells how a product is, often with pictures; others react."""
    product = product or stages.famous(stage)
    sharer = sharer or stage.crowd.draw(stage.rng)
    words = dict(content.scene(stage.rng, stage.room.vertical, product))
    words["share"] = stages.fresh(stage, content.phrases()[lines])
    shared = stages.say(stage, at, sharer, frame, words, product=product)
    for number in range(stage.rng.choice((0, 1, 1, 2, 3))):
        stages.put(stage, at + dt.timedelta(seconds=4 + 3 * number), sharer, None, type="image")
    for moment in stages.delays(stage.rng, at, 150, stage.rng.randint(0, 4)):
        line = stages.fresh(stage, content.phrases()["share_replies"])
        member = stage.crowd.draw(stage.rng, sharer)
        if stage.rng.random() < 0.25:
            stages.sticker(stage, moment, member)
        else:
            stages.reply(stage, moment, member, shared, line, words=words)


def complain(stage: Stage, at: dt.datetime, product: Product | None = None) -> None:
    """Something was wrong with a product; the operator picks it up most of the time."""
    product = product or stages.famous(stage)
    member = stage.crowd.draw(stage.rng)
    words = content.scene(stage.rng, stage.room.vertical, product)
    line = stages.fresh(stage, content.phrases()["complain"])
    said = stages.say(stage, at, member, line, words, product=product)
    for moment in stages.delays(stage.rng, at, 200, stage.rng.randint(0, 2)):
        line = stages.fresh(stage, content.phrases()["console"])
        stages.reply(stage, moment, stage.crowd.draw(stage.rng, member), said, line, words=words)
    if stage.rng.random() < 0.7:
        later = stages.working(at + dt.timedelta(seconds=stage.rng.lognormvariate(7.4, 0.8)))
        line = stages.fresh(stage, content.phrases()["apology"])
        stages.reply(stage, later, stage.room.operator, said, line, words=words, quoting=1.0)


def chat(stage: Stage, at: dt.datetime) -> None:
    """Small talk."""
    vertical = stage.room.vertical
    lines = list(vertical.chats[_fresh_place(stage, len(vertical.chats))])
    words = content.scene(stage.rng, vertical)
    first = stage.crowd.draw(stage.rng)
    opened = stages.say(stage, at, first, lines[0], words)
    replies = stage.rng.sample(lines[1:], stage.rng.randint(1, len(lines) - 1))
    last = first
    for moment in stages.delays(stage.rng, at, 70, len(replies) + stage.rng.randint(0, 2)):
        last = stage.crowd.draw(stage.rng, last)
        if replies:
            stages.reply(stage, moment, last, opened, replies.pop(), words=words, quoting=0.12)
        elif stage.rng.random() < 0.5:
            stages.sticker(stage, moment, last)
        else:
            line = stages.fresh(stage, content.phrases()["filler"])
            stages.put(stage, moment, last, line)


def packet(stage: Stage, at: dt.datetime) -> None:
    """A red packet and the thanks for it."""
    giver = stage.crowd.draw(stage.rng)
    stages.put(stage, at, giver, None, type="red_packet")
    for moment in stages.delays(stage.rng, at, 20, stage.rng.randint(3, 6)):
        line = stage.rng.choice(content.phrases()["packet"])
        stages.put(stage, moment, stage.crowd.draw(stage.rng, giver), line)


def odds(stage: Stage, at: dt.datetime) -> None:
    """A picture, a voice message or a video by itself, perhaps with a word about it."""
    member = stage.crowd.draw(stage.rng)
    stages.put(stage, at, member, None, type=stage.rng.choice(("image", "image", "voice", "video")))
    for moment in stages.delays(stage.rng, at, 60, stage.rng.randint(0, 2)):
        line = stage.rng.choice(content.phrases()["filler"])
        stages.put(stage, moment, stage.crowd.draw(stage.rng, member), line)


def _question(
    stage: Stage,
    at: dt.datetime,
    frame: str,
    subject: Ask,
    *,
    words: Words,
    product: Product | None,
) -> None:
    asker = stage.crowd.draw(stage.rng)
    asking = stages.fresh(stage, subject.questions)
    question = {**words, "q": asking}
    asked = stages.say(stage, at, asker, frame, question, product=product)
    if stage.rng.random() < 0.15:
        moment = at + dt.timedelta(seconds=stage.rng.lognormvariate(4.5, 0.8))
        member = stage.crowd.draw(stage.rng, asker)
        stages.put(stage, moment, member, stages.fresh(stage, content.phrases()["agree"]))
    # One question in six meets with silence.
    if stage.rng.random() > 1 / 6:
        _answers(stage, asked, _fitting(stage, subject, asking), words, product)


def _answers(
    stage: Stage, asked: Spoken, answers: list[str], words: Words, product: Product | None
) -> None:
    rng = stage.rng
    first = None
    moments = stages.delays(rng, asked.at, 420, len(answers))
    for moment, answer in zip(moments, answers, strict=True):
        line = "<reply_lead>" + answer
        member = stage.crowd.draw(rng, asked.sender)
        stages.reply(stage, moment, member, asked, line, words=words, product=product, quoting=0.6)
        first = first or moment
    if rng.random() < 0.18:
        later = asked.at + dt.timedelta(seconds=rng.lognormvariate(7.6, 0.9))
        told = {**words, "a": answers[0]}
        line = rng.choice(content.phrases()["operator_answer"])
        moment = stages.working(later)
        stages.reply(stage, moment, stage.room.operator, asked, line, words=told, quoting=0.7)
    _thank(stage, first, asked.sender)


def _fitting(stage: Stage, subject: Ask, asking: str) -> list[str]:
    """One to three answers: first the one written for this wording, where there is one."""
    place = subject.questions.index(asking) % len(subject.answers)
    others = [answer for answer in subject.answers if answer != subject.answers[place]]
    (more,) = stage.rng.choices((0, 1, 2), weights=(6, 3, 1))
    return [subject.answers[place], *stage.rng.sample(others, min(more, len(others)))]


def _thank(stage: Stage, answered: dt.datetime | None, asker: Member) -> None:
    if answered is not None and stage.rng.random() < 0.5:
        later = answered + dt.timedelta(seconds=stage.rng.lognormvariate(5, 0.8))
        line = stages.fresh(stage, content.phrases()["thanks"])
        stages.say(stage, later, asker, line, content.plainly())


def _fresh_place(stage: Stage, count: int) -> int:
    places = [place for place in range(count) if f"chat{place}" not in stage.used]
    place = stage.rng.choice(places or range(count))
    stage.used.add(f"chat{place}")
    return place
