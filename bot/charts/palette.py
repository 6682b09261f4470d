"""The colours of charts and digests, light and dark.

Browsers get them as custom properties; where no style sheet reaches into SVG, as attributes.
"""

from collections.abc import Mapping
from typing import Final

# What a bar, a cell or a word can be.
TONES: Final = (
    *("log", "now", "special", "outside", "band", "track", "base", "heat"),
    *("organic", "promo", "direct", "unknown", "pending", "good", "bad"),
)
LIGHT: Final[Mapping[str, str]] = {
    "ink": "#1b2420", "soft": "#56625c", "line": "#dde4e0", "paper": "#ffffff", "ground": "#f1f5f2",
    "accent": "#0b7a55", "accent-soft": "#e2f1ea", "warn": "#8f5200", "warn-soft": "#fbf0df",
    "mark": "#a35a0c", "danger": "#b3261e", "danger-soft": "#fbe9e7",
    "log": "#9dbfb1", "now": "#0b7a55", "special": "#d9822b", "outside": "#cfd6d2",
    "band": "#dcece5", "track": "#edf1ee", "base": "#c3ccc7", "heat": "#0b7a55",
    "organic": "#0b7a55", "promo": "#d9822b", "direct": "#6b8fb5", "unknown": "#a9b1ad",
    "pending": "#c8cecb", "good": "#0b7a55", "bad": "#b3261e",
}  # fmt: skip
DARK: Final[Mapping[str, str]] = {
    "ink": "#e7ece9", "soft": "#a3b0aa", "line": "#2d3833", "paper": "#171e1b", "ground": "#0e1311",
    "accent": "#4cc596", "accent-soft": "#17352a", "warn": "#ecb95f", "warn-soft": "#35290f",
    "mark": "#f0a95c", "danger": "#ff8a80", "danger-soft": "#3d1f1d",
    "log": "#3f6f5d", "now": "#4cc596", "special": "#e79a4a", "outside": "#39433e",
    "band": "#1c3129", "track": "#222b27", "base": "#46514c", "heat": "#4cc596",
    "organic": "#4cc596", "promo": "#e79a4a", "direct": "#7fa6cf", "unknown": "#6d7772",
    "pending": "#4d5752", "good": "#4cc596", "bad": "#ff8a80",
}  # fmt: skip
