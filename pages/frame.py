"""What stands around every page: where it comes from, how fresh it is, how its values are written."""

import datetime as dt
from dataclasses import dataclass, field
from hashlib import sha256

from data_contracts.page_settings import PageSettings
from pages.formats import Formats


@dataclass(frozen=True, slots=True)
class NotThere:
    """Something that cannot be shown: why, and what to do about it, in a sentence."""

    because: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page says of itself.

    Attributes
    ----------
    source
        The source's name in the settings.
    extracted_at
        When the checked extract was taken (UTC, naive); None where nothing was checked.
    release_id
        The release in force; None where none is.
    definitions_version
        Of the release in force, else of the settings.
    currency, time_zone
        Of amounts and moments.
    settings
        How the pages speak.
    made_at
        When the pages were written (UTC, naive).
    lead_pages
        The leads that have a page of their own.
    """

    source: str
    extracted_at: dt.datetime | None
    release_id: str | None
    definitions_version: str
    currency: str
    time_zone: str
    settings: PageSettings
    made_at: dt.datetime
    lead_pages: frozenset[str] = field(default=frozenset())

    @property
    def formats(self) -> Formats:
        """How values are written."""
        return Formats(self.settings.locale, self.currency, self.time_zone)

    def page_of(self, lead_id: str) -> str | None:
        """The file of the lead's own page, from the folder of the pages; None where it has none."""
        return f"leads/{file_name(lead_id)}" if lead_id in self.lead_pages else None


def file_name(lead_id: str) -> str:
    """The name of a lead's page: the same in each run, and safe whatever the CRM's ids look like.

    >>> file_name("../../L-1")
    '61a69d2fe18278ef.html'
    """
    return f"{sha256(lead_id.encode()).hexdigest()[:16]}.html"


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the figures at the top of a page.

    Attributes
    ----------
    name, value
        What it is, and how much.
    beside
        What it is held against: of how many, agreed, expected.
    formula, rows
        How it is made, in a sentence, and of how many rows.
    is_bad
        Whether it is bad news.
    """

    name: str
    value: str
    beside: str
    formula: str
    rows: str
    is_bad: bool = False
