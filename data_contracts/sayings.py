"""How a feature is said: what it means, its unit, and what one value of it says about a lead.

A saying is put together from its parts, so nobody has to take a sentence apart. Its texts complete "this lead:".
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data_contracts.deeds import Deed, duration, figure, times, window

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

NO_COLLEAGUES_KNOWN = "nothing is known of colleagues"

LONGEST_VALUE = 80
"""Characters of an attribute's value that are said: a seller reads a line, not a note."""


class _Saying(ABC):
    """What a kind has beside its parts.

    `unit` and `meaning` are for the documents; `words` says what a value tells of the lead, `words_for_missing` what it
    tells that the value is missing.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def meaning(self) -> str: ...

    @property
    def words_for_missing(self) -> str:
        return f"{self.meaning}: not known"


@dataclass(frozen=True, slots=True)
class Count(_Saying):
    """How often the lead did something: in the last `window_days` days, or ever (None).

    Examples
    --------
    >>> pricing = Count(Deed("opened pricing"), window_days=7)
    >>> pricing.words(4), pricing.words(0)
    ('opened pricing 4 times in the last 7 days', 'never opened pricing in the last 7 days')
    """

    deed: Deed
    window_days: int | None = None
    kind: Literal["count"] = "count"
    unit: ClassVar[str] = "times"

    @property
    def meaning(self) -> str:
        return f"{self.deed.plain}{window(self.window_days)}"

    def words(self, value: float) -> str:
        did = f"{self.deed.plain} {times(value)}" if value else self.deed.with_adverb("never")
        return f"{did}{window(self.window_days)}"


@dataclass(frozen=True, slots=True)
class ActiveDays(_Saying):
    """On how many separate days of the last `window_days` days the lead did something."""

    deed: Deed
    window_days: int
    kind: Literal["active_days"] = "active_days"
    unit: ClassVar[str] = "days"

    @property
    def meaning(self) -> str:
        return f"{self.deed.plain} on separate days{window(self.window_days)}"

    def words(self, value: float) -> str:
        did = f"{self.deed.plain} on {duration(value)}" if value else self.deed.with_adverb("never")
        return f"{did}{window(self.window_days)}"


@dataclass(frozen=True, slots=True)
class Intensity(_Saying):
    """How much the lead did, each activity counting half after `half_life_days` days."""

    half_life_days: int
    kind: Literal["intensity"] = "intensity"
    unit: ClassVar[str] = "activities in today's weight"

    @property
    def meaning(self) -> str:
        return f"was active of its own accord, what it did counting half after {self.half_life_days} days"

    def words(self, value: float) -> str:
        if value < 0.5:
            return "was hardly active of its own accord of late"
        return f"was active of its own accord of late (weight {value:.1f})"


@dataclass(frozen=True, slots=True)
class Trend(_Saying):
    """Whether the lead does more a day in its last week than in the month before that."""

    kind: Literal["trend"] = "trend"
    unit: ClassVar[str] = "activities a day"
    meaning: ClassVar[str] = (
        "became more active: its daily activities of the last 7 days less those of the 30 days before"
    )

    def words(self, value: float) -> str:
        if value == 0:
            return "is as active as in the month before"
        return f"became {'more' if value > 0 else 'less'} active in the last 7 days"


@dataclass(frozen=True, slots=True)
class Recency(_Saying):
    """How long ago the lead last did something.

    Examples
    --------
    >>> met = Recency(Deed("met us"))
    >>> met.meaning, met.words(3.9), met.words_for_missing
    ('time since it last met us', 'last met us 3 days ago', 'never met us')
    """

    deed: Deed
    kind: Literal["recency"] = "recency"
    unit: ClassVar[str] = "days"

    @property
    def meaning(self) -> str:
        return f"time since it {self.deed.with_adverb('last')}"

    def words(self, value: float) -> str:
        return f"{self.deed.with_adverb('last')} {duration(value)} ago"

    @property
    def words_for_missing(self) -> str:
        return self.deed.with_adverb("never")


@dataclass(frozen=True, slots=True)
class Lasting(_Saying):
    """How long something has lasted or took: `before`, then the time, then `after`."""

    meant: str
    before: str
    after: str = ""
    kind: Literal["lasting"] = "lasting"
    unit: ClassVar[str] = "days"

    @property
    def meaning(self) -> str:
        return self.meant

    def words(self, value: float) -> str:
        return f"{self.before} {duration(value)} {self.after}".rstrip()


@dataclass(frozen=True, slots=True)
class Colleagues(_Saying):
    """How many of the lead's colleagues something is true of: of `many` ("are leads"), or of `one` ("is a lead").

    Examples
    --------
    >>> won = Colleagues(many="became customers", one="became a customer")
    >>> won.words(0), won.words(1), won.words(2)
    ('has no colleagues who became customers', 'has 1 colleague who became a customer', \
'has 2 colleagues who became customers')
    """

    many: str
    one: str
    window_days: int | None = None
    kind: Literal["colleagues"] = "colleagues"
    unit: ClassVar[str] = "people"
    words_for_missing: ClassVar[str] = NO_COLLEAGUES_KNOWN

    @property
    def meaning(self) -> str:
        return f"has colleagues who {self.many}{window(self.window_days)}"

    def words(self, value: float) -> str:
        if value == 1:
            return f"has 1 colleague who {self.one}{window(self.window_days)}"
        return f"has {f'{value:.0f}' if value else 'no'} colleagues who {self.many}{window(self.window_days)}"


@dataclass(frozen=True, slots=True)
class ColleaguesCount(_Saying):
    """How often the lead's colleagues, all together, did something in the last `window_days` days."""

    did: str
    window_days: int
    kind: Literal["colleagues_count"] = "colleagues_count"
    unit: ClassVar[str] = "times"
    words_for_missing: ClassVar[str] = NO_COLLEAGUES_KNOWN

    @property
    def meaning(self) -> str:
        return f"has colleagues who {self.did}{window(self.window_days)}"

    def words(self, value: float) -> str:
        if value == 0:
            return f"has no colleagues who {self.did}{window(self.window_days)}"
        who = "a colleague" if value == 1 else "colleagues"
        return f"has {who} who {self.did} {times(value)}{window(self.window_days)}"


@dataclass(frozen=True, slots=True)
class ColleaguesRecency(_Saying):
    """How long ago a colleague of the lead last did something."""

    did: str
    kind: Literal["colleagues_recency"] = "colleagues_recency"
    unit: ClassVar[str] = "days"
    words_for_missing: ClassVar[str] = NO_COLLEAGUES_KNOWN

    @property
    def meaning(self) -> str:
        return f"time since a colleague last {self.did}"

    def words(self, value: float) -> str:
        return f"a colleague last {self.did} {duration(value)} ago"


@dataclass(frozen=True, slots=True)
class CurrentStage(_Saying):
    """In which stage the lead stands."""

    kind: Literal["current_stage"] = "current_stage"
    unit: ClassVar[str] = ""
    meaning: ClassVar[str] = "stands in this stage"

    def words(self, value: str) -> str:
        return f"stands in {value}"


@dataclass(frozen=True, slots=True)
class CreationWeekday(_Saying):
    """On which day of the week the lead was created."""

    kind: Literal["creation_weekday"] = "creation_weekday"
    unit: ClassVar[str] = "0 is Monday"
    meaning: ClassVar[str] = "was created on this day of the week (UTC)"

    def words(self, value: float) -> str:
        return f"was created on a {WEEKDAYS[int(value)]}"


@dataclass(frozen=True, slots=True)
class CreationHour(_Saying):
    """At which hour of the day the lead was created."""

    kind: Literal["creation_hour"] = "creation_hour"
    unit: ClassVar[str] = "hour of the day"
    meaning: ClassVar[str] = "was created at this hour (UTC)"

    def words(self, value: float) -> str:
        return f"was created at {value:.0f}:00 to {value:.0f}:59 UTC"


@dataclass(frozen=True, slots=True)
class ProfileShare(_Saying):
    """How much of the agreed profile the lead meets."""

    kind: Literal["profile_share"] = "profile_share"
    unit: ClassVar[str] = "share in [0, 1]"
    meaning: ClassVar[str] = "fits the agreed profile: weighted share of its known criteria that are met"
    words_for_missing: ClassVar[str] = "nothing is known that the agreed profile asks for"

    def words(self, value: float) -> str:
        return f"meets {value:.0%} of what the agreed profile asks for"


@dataclass(frozen=True, slots=True)
class Criterion(_Saying):
    """Whether the lead meets a criterion of the agreed profile, said by the value of column `reads`.

    A category meets it that is among `one_of`, a number that is from `at_least` to `at_most` (None: no bound).

    Examples
    --------
    >>> size = Criterion("company size", reads="attribute_employees", at_least=50, at_most=999)
    >>> size.words(12.0), size.words(50.0)
    ('company size: 12 is below the agreed 50', 'company size: 50 is as agreed')
    """

    name: str
    reads: str
    one_of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    kind: Literal["criterion"] = "criterion"
    unit: ClassVar[str] = "1 met, 0 not met"

    @property
    def meaning(self) -> str:
        return f"meets the agreed criterion {self.name!r}"

    def words(self, value: float | str) -> str:
        return f"{self.name}: {self._compared(value)}"

    def _compared(self, value: float | str) -> str:
        if isinstance(value, str):
            return f"{value} is {'as' if value in self.one_of else 'not among those'} agreed"
        if self.at_least is not None and value < self.at_least:
            return f"{figure(value)} is below the agreed {figure(self.at_least)}"
        if self.at_most is not None and value > self.at_most:
            return f"{figure(value)} is above the agreed {figure(self.at_most)}"
        return f"{figure(value)} is as agreed"

    @property
    def words_for_missing(self) -> str:
        return f"{self.name}: not known"


@dataclass(frozen=True, slots=True)
class Attribute(_Saying):
    """A value under a label: "source: web", "yearly revenue: 1,250,000 EUR". `meant` is the label unless given.

    A value is said on one line, and a long one is cut.

    Examples
    --------
    >>> Attribute("job title").words("VP  Marketing EMEA ")
    'job title: VP Marketing EMEA'
    """

    label: str
    unit: str = ""
    meant: str = ""
    kind: Literal["attribute"] = "attribute"

    @property
    def meaning(self) -> str:
        return self.meant or self.label

    def words(self, value: float | str) -> str:
        return f"{self.label}: {_on_a_line(value) if isinstance(value, str) else figure(value)} {self.unit}".rstrip()

    @property
    def words_for_missing(self) -> str:
        return f"{self.label}: not known"


def _on_a_line(text: str) -> str:
    """`text` in one line of at most `LONGEST_VALUE` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_VALUE else f"{line[: LONGEST_VALUE - 1].rstrip()}…"


Saying = Annotated[
    Count | ActiveDays | Intensity | Trend | Recency | Lasting | Colleagues | ColleaguesCount | ColleaguesRecency
    | CurrentStage | CreationWeekday | CreationHour | ProfileShare | Criterion | Attribute,
    Field(discriminator="kind"),
]  # fmt: skip
"""Every kind; a release's JSON names it."""
