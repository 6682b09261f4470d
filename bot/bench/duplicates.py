"""Near-duplicates of real sentences: how many are found after edits, and how many others are
taken for one.
"""

import datetime as dt
import random
from collections.abc import Iterable, Mapping

from bot.text import similarity

DRAWN = 3_000
EDITS = (0.05, 0.15, 0.3)
_MOMENT = dt.datetime(2026, 11, 9, tzinfo=dt.UTC).timestamp()


def measure(texts: Iterable[str], seed: int = 7) -> Mapping[str, tuple[int, int]]:
    """(count, of how many) by what was done.

    `edited_15`: of so many sentences of GRAMS_FROM characters or more, each with 15 % of its
    characters inserted, dropped or replaced at random, how many were found to repeat the unedited
    one. `others`: of so many different sentences in a row, how many were taken to repeat an
    earlier one; some do, for people say nearly the same, so this bounds what is falsely found.
    """
    rng = random.Random(seed)  # noqa: S311 (a seeded draw)
    long = {
        normal
        for normal in map(similarity.normalise, texts)
        if len(normal) >= similarity.GRAMS_FROM
    }
    drawn = rng.sample(sorted(long), min(DRAWN, len(long)))
    alphabet = "".join(drawn)
    found = {}
    for share in EDITS:
        again = sum(_repeats(text, _edited(text, share, alphabet, rng)) for text in drawn)
        found[f"edited_{share * 100:.0f}"] = again, len(drawn)
    recent = similarity.Recent()
    found["others"] = sum(recent.hears(drawn, [_MOMENT] * len(drawn))), len(drawn)
    return found


def _repeats(text: str, edited: str) -> bool:
    recent = similarity.Recent()
    return recent.hears([text, edited], [_MOMENT, _MOMENT])[1]


def _edited(text: str, share: float, alphabet: str, rng: random.Random) -> str:
    """`text` with a share of its characters edited, one at least."""
    characters = list(text)
    for _ in range(max(round(share * len(text)), 1)):
        place = rng.randrange(len(characters))
        match rng.randrange(3):
            case 0:
                characters[place] = rng.choice(alphabet)
            case 1:
                characters.insert(place, rng.choice(alphabet))
            case _ if len(characters) > 1:
                del characters[place]
    return "".join(characters)
