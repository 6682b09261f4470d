"""Phones and shop buyer ids as we keep them: HMAC-SHA256 under the installation's secret.

The same person has the same pseudonym in every file, and nobody without the secret can tell whose
it is, or try out all phone numbers.
"""

import hmac
import re
import unicodedata


def of_phone(secret: bytes, phone: str) -> str | None:
    """The pseudonym of a phone number; None where it names nobody (masked, or too short).

    `+86 138-0013-8000`, `0086 13800138000` and `13800138000` are one number.
    """
    number = normal_phone(phone)
    return _pseudonym(secret, "phone", number) if number else None


def of_buyer(secret: bytes, channel: str, buyer: str) -> str:
    """The pseudonym of a buyer id. Ids are the shop's own, so the channel is a part of them."""
    return _pseudonym(secret, "buyer", f"{channel}\n{buyer}")


def normal_phone(phone: str) -> str:
    """Digits of a phone number, without separators and China's country code; "" where masked."""
    compact = re.sub(r"[\s()\-.·]", "", unicodedata.normalize("NFKC", phone))
    found = re.fullmatch(r"(?:\+?86|0086)?(1\d{10})", compact, re.ASCII)
    if found:
        return found[1]
    # A masked number (138****8000) is shared by many people: it must never join two of them.
    return compact if re.fullmatch(r"\+?\d{7,15}", compact, re.ASCII) else ""


def _pseudonym(secret: bytes, kind: str, value: str) -> str:
    return hmac.digest(secret, f"{kind}\n{value}".encode(), "sha256").hex()
