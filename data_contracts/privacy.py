"""What identifies a person: how columns that hold it are called, what its values look like, and how they are masked."""

import hashlib
import re

import ibis.expr.types as ir

_NAME = re.compile(r"(^|_)(e_?mail|phone|mobile|fax|first_name|last_name|full_name|name|birth\w*|street|address)(_|$)")

_EMAIL = r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"
_PHONE = (
    r"^(\+|00)[0-9][0-9 ()/.\-]{6,18}[0-9]$"
    r"|^\(?0[0-9]{1,5}\)?[ /.\-][0-9][0-9 /.\-]{4,14}[0-9]$"
    r"|^\(?[2-9][0-9]{2}\)?[ .\-][0-9]{3}[ .\-][0-9]{4}$"
)
"""International, with a national prefix, North American."""
_DATE = r"^[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-]([0-9]{2}|[0-9]{4})([ T].*)?$"
"""A date that begins with its day or month may look like a phone number with a national prefix."""

LOOKS_PERSONAL = "looks like an email address or a phone number"
"""What is said of a value that is personal."""

MASKED = f"(masked: it {LOOKS_PERSONAL})"

FREE_TEXTS = {"leads": ("source", "campaign")}
"""By table, the columns whose values are the customer's own text and become features: none of them may be personal.
Declared categories and texts are judged in the same way."""


def is_personal_name(name: str) -> bool:
    """Whether a column called `name` (in snake case) would hold what identifies a person.

    >>> [is_personal_name(name) for name in ("work_email", "birthday", "phonetics", "renamed_at")]
    [True, True, False, False]
    """
    return _NAME.search(name) is not None


def is_personal(text: str) -> bool:
    """Whether `text` holds an email address, or is a phone number.

    >>> [is_personal(text) for text in ("Jane <jane@example.com>", "+49 170 1234567", "01-02-2024", "Call 2024")]
    [True, True, False, False]
    """
    if re.search(_EMAIL, text):
        return True
    return re.search(_PHONE, text) is not None and re.search(_DATE, text) is None


def masked(text: str) -> str:
    """`text`, or `MASKED` in its place where it is personal."""
    return MASKED if is_personal(text) else text


def pseudonymous(text: str) -> str:
    """`text` with a digest before the `@` of each email address in place of the person: the domain stays.

    The same address has the same digest, so that who is one stays one.

    >>> pseudonymous("from jane@example.com"), pseudonymous("nobody")
    ('from 8c87b489ce35@example.com', 'nobody')
    """
    return re.sub(_EMAIL, _pseudonym, text) if "@" in text else text


def _pseudonym(address: re.Match[str]) -> str:
    digest = hashlib.sha256(address[0].lower().encode()).hexdigest()[:12]
    return f"{digest}@{address[0].rpartition('@')[2]}"


def is_personal_value(text: ir.StringValue) -> ir.BooleanValue:
    """`is_personal` of each text; null where it is null."""
    is_phone = text.re_search(_PHONE) & ~text.re_search(_DATE)
    return text.re_search(_EMAIL) | is_phone


def masked_value(text: ir.StringValue) -> ir.StringValue:
    """`masked` of each text; null where it is null."""
    return is_personal_value(text).ifelse(MASKED, text)
