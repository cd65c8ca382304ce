"""What a feature says about a lead, in words a seller reads: "opened pricing 4 times in the last 7 days"."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_contracts.settings import IcpCriterion, IdealCustomerProfile
from data_contracts.snapshots import FeatureColumn
from features.attributes import GROUP as ATTRIBUTES
from features.icp_fit import FIT_SHARE, criterion_column

Value = float | str | None

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How one feature is put into words.

    Attributes
    ----------
    family
        Features of one family tell much the same (opened pricing in 7, 30 or 90 days): a lead gets one reason of each.
    reads
        The column whose value is put into words: the feature itself, or the attribute that a criterion looks at.
    words
        From that value (missing is None) to a phrase that completes "this lead:".
    is_of_profile
        Whether it tells how the lead fits the agreed profile.
    """

    family: str
    reads: str
    words: Callable[[Value], str]
    is_of_profile: bool


def phrasings(columns: tuple[FeatureColumn, ...], *, icp: IdealCustomerProfile) -> dict[str, Phrasing]:
    """How each feature is put into words, by its name.

    An attribute that the agreed profile asks for is told as its criterion, so that a lead does not get the same twice.
    """
    by_attribute = {f"attribute_{criterion.attribute}": criterion for criterion in reversed(icp.criteria)}
    by_name = by_attribute | {criterion_column(criterion): criterion for criterion in icp.criteria}
    return {column.name: _phrasing(column, by_name.get(column.name)) for column in columns}


def _phrasing(column: FeatureColumn, criterion: IcpCriterion | None) -> Phrasing:
    if criterion is None:
        return Phrasing(
            _family(column), column.name, lambda value: words(column, value), is_of_profile=column.name == FIT_SHARE
        )
    attribute = f"attribute_{criterion.attribute}"
    return Phrasing(attribute, attribute, lambda value: criterion_words(criterion, value), is_of_profile=True)


# ---------------------------------------------------------------------------------------------------------------------
# Families
# ---------------------------------------------------------------------------------------------------------------------

_SUBJECT = re.compile(r"^(?:n_|days_since_)?(?P<subject>.+?)(?:_\d+d)?$")

_BEHAVIOUR_IN_GENERAL = frozenset({"inbound", "active_days", "inbound_intensity", "inbound_trend"})
_EARLIER_WAY = frozenset({"n_recycles", "n_nurture", "n_disqualified", "n_lost"})
_ORIGIN = frozenset({"source", "campaign"})


def _family(column: FeatureColumn) -> str:
    """The family of a feature that is no criterion of the profile."""
    if column.group == "behaviour":
        match = _SUBJECT.match(column.name)
        subject = match["subject"] if match else column.name
        return "activity in general" if subject in _BEHAVIOUR_IN_GENERAL else subject
    if column.group == "buying_group":
        return "colleagues"
    if column.group == "funnel":
        return "earlier way through the funnel" if column.name in _EARLIER_WAY else "time in the funnel"
    if column.group == "context":
        return "origin" if column.name in _ORIGIN else "moment of creation"
    return column.name


# ---------------------------------------------------------------------------------------------------------------------
# Words
# ---------------------------------------------------------------------------------------------------------------------


def words(column: FeatureColumn, value: Value) -> str:
    """What `value` of a feature says about a lead.

    Examples
    --------
    >>> pricing = FeatureColumn("n_pricing_view_7d", "number", "behaviour", "times",
    ...                         "opened pricing in the last 7 days", "never missing")
    >>> words(pricing, 4.0), words(pricing, 1.0), words(pricing, 0.0)
    ('opened pricing 4 times in the last 7 days', 'opened pricing once in the last 7 days', \
'never opened pricing in the last 7 days')
    """
    if value is None:
        return _missing(column)
    if isinstance(value, str):
        return _category(column, value)
    told = None if column.group == ATTRIBUTES else _BY_NAME.get(column.name) or _BY_UNIT.get(column.unit)
    return told(column.meaning, value) if told else f"{column.meaning}: {_figure(value)} {column.unit}".rstrip()


def criterion_words(criterion: IcpCriterion, value: Value) -> str:
    """How the attribute that a criterion looks at stands to what was agreed.

    Examples
    --------
    >>> size = IcpCriterion(name="company size", attribute="employees", at_least=50, at_most=999)
    >>> criterion_words(size, 12.0), criterion_words(size, 50.0)
    ('company size: 12 is below the agreed 50', 'company size: 50 is as agreed')
    """
    if value is None:
        return f"{criterion.name}: not known"
    if isinstance(value, str):
        return f"{criterion.name}: {value} is {'as' if value in criterion.one_of else 'not among those'} agreed"
    if criterion.at_least is not None and value < criterion.at_least:
        return f"{criterion.name}: {_figure(value)} is below the agreed {_figure(criterion.at_least)}"
    if criterion.at_most is not None and value > criterion.at_most:
        return f"{criterion.name}: {_figure(value)} is above the agreed {_figure(criterion.at_most)}"
    return f"{criterion.name}: {_figure(value)} is as agreed"


def misses_words(names: Sequence[str]) -> str:
    """The criteria that a lead outside the agreed profile is known to miss.

    Examples
    --------
    >>> misses_words(["company size", "region"])
    'outside the agreed profile (company size, region)'
    """
    return f"outside the agreed profile ({', '.join(names)})"


def _missing(column: FeatureColumn) -> str:
    if column.group == "buying_group":
        return "nothing is known of colleagues"
    if column.meaning.startswith("time since it last "):
        return _never(column.meaning.removeprefix("time since it last "))
    if column.name == FIT_SHARE:
        return "nothing is known that the agreed profile asks for"
    return f"{_label(column)}: not known"


def _category(column: FeatureColumn, value: str) -> str:
    return f"stands in {value}" if column.name == "current_stage" else f"{_label(column)}: {value}"


def _label(column: FeatureColumn) -> str:
    return column.meaning if column.group == ATTRIBUTES else column.name.replace("_", " ")


def _figure(value: float) -> str:
    return f"{value:,.10g}"


def _never(did: str) -> str:
    """
    >>> _never("opened pricing"), _never("was assessed by us")
    ('never opened pricing', 'was never assessed by us')
    """
    return f"was never {did.removeprefix('was ')}" if did.startswith("was ") else f"never {did}"


def _times(meaning: str, value: float) -> str:
    did, window = _apart(meaning)
    if value == 0:
        absent = did.replace("has colleagues who", "has no colleagues who", 1)
        return f"{absent if absent != did else _never(did)}{window}"
    return f"{did} {'once' if value == 1 else f'{value:.0f} times'}{window}"


def _apart(meaning: str) -> tuple[str, str]:
    did, found, window = meaning.partition(" in the last ")
    return did, found + window


def _people(meaning: str, value: float) -> str:
    if value == 1:
        one = meaning.replace("colleagues who are leads", "colleague who is a lead", 1)
        one = one.replace("colleagues who were", "colleague who was", 1).replace("colleagues who", "colleague who", 1)
        return one.replace("has ", "has 1 ", 1).replace("became customers", "became a customer", 1)
    return meaning.replace("has ", f"has {value:.0f} " if value else "has no ", 1)


def _days(meaning: str, value: float) -> str:
    lasting = duration(value)
    if meaning.startswith("time since "):
        did = meaning.removeprefix("time since ").removeprefix("it ")
        return f"{did.replace('last was ', 'was last ', 1)} {lasting} ago"
    if meaning.startswith("time in "):
        return f"has been in {meaning.removeprefix('time in ')} for {lasting}"
    if meaning.startswith("time from "):
        return f"took {lasting} from {meaning.removeprefix('time from ')}"
    if " on separate days" in meaning:
        did, window = _apart(meaning.replace(" on separate days", "", 1))
        return f"{did} on {lasting}{window}" if value else f"{_never(did)}{window}"
    return f"{meaning}: {lasting}"


def duration(days: float) -> str:
    """A number of days in words, rounded down; in hours below one day.

    Examples
    --------
    >>> duration(12.9), duration(1.5), duration(0.5), duration(0.01)
    ('12 days', '1 day', '12 hours', 'less than an hour')
    """
    count, unit = (days, "day") if days >= 1 else (days * HOURS_PER_DAY, "hour")
    whole = math.floor(count)
    if whole == 0:
        return "less than an hour"
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def _intensity(meaning: str, value: float) -> str:
    if value < 0.5:
        return "was hardly active of its own accord of late"
    return f"was active of its own accord of late (weight {value:.1f})"


def _trend(meaning: str, value: float) -> str:
    if value == 0:
        return "is as active as in the month before"
    return f"became {'more' if value > 0 else 'less'} active in the last 7 days"


_BY_NAME: dict[str, Callable[[str, float], str]] = {
    FIT_SHARE: lambda meaning, value: f"meets {value:.0%} of what the agreed profile asks for",
    "created_weekday": lambda meaning, value: f"was created on a {WEEKDAYS[int(value)]}",
    "created_hour": lambda meaning, value: f"was created at {value:.0f}:00 to {value:.0f}:59 UTC",
}

_BY_UNIT: dict[str, Callable[[str, float], str]] = {
    "times": _times,
    "people": _people,
    "days": _days,
    "activities in today's weight": _intensity,
    "activities a day": _trend,
}
