"""Phones and shop buyer ids as we keep them: HMAC-SHA256 under the installation's secret.

The same person has the same pseudonym in every file, and nobody without the secret can tell whose
it is, or try out all phone numbers.
"""

import hmac
import re
import unicodedata

import phonenumbers

# Where a number without a country's code belongs.
HOME = "CN"
# A masked number (138****8000) is shared by many people: it must never join two of them.
_MASKED = re.compile(r"[*xX#•?·]{2}|\*")


def of_phone(secret: bytes, phone: str) -> str | None:
    """The pseudonym of a phone number; None where it names nobody (masked, virtual, no number).

    `+86 138-0013-8000`, `0086 13800138000` and `13800138000` are one number.
    """
    number = normal_phone(phone)
    return _pseudonym(secret, "phone", number) if number else None


def of_buyer(secret: bytes, channel: str, buyer: str) -> str:
    """The pseudonym of a buyer id. Ids are the shop's own, so the channel is a part of them."""
    return _pseudonym(secret, "buyer", f"{channel}\n{buyer}")


def normal_phone(phone: str) -> str:
    """A phone number as E.164 (`+8613800138000`); "" where it is none, or many people's.

    A number with an extension is the virtual one that a shop lends to many orders.
    """
    written = unicodedata.normalize("NFKC", phone)
    if _MASKED.search(written):
        return ""
    try:
        number = phonenumbers.parse(written, HOME)
    except phonenumbers.NumberParseException:
        return ""
    if number.extension or not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _pseudonym(secret: bytes, kind: str, value: str) -> str:
    return hmac.digest(secret, f"{kind}\n{value}".encode(), "sha256").hex()
