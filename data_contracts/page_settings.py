"""How the pages are written, and what they link to."""

import string
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, Field

from data_contracts.section import Folder, Section

LEAD_ID = "lead_id"


def _known_locale(name: str) -> str:
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{name!r} is no locale ({error}); it has names like 'en', 'en_GB' or 'de_CH'") from None
    return name


def web_address(address: str) -> str:
    """`address`, which is empty or one of the web. Raises `ValueError` where it is neither."""
    parts = urlsplit(address)
    if address and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError(f"{address!r} is no web address; it begins with https:// or http:// and names a host")
    return address


def _lead_address(address: str) -> str:
    web_address(address)
    try:
        named = [name for _, name, _, _ in string.Formatter().parse(address) if name is not None]
    except ValueError as error:
        raise ValueError(f"{address!r} cannot be read ({error}); braces stand around {LEAD_ID} alone") from None
    if address and named != [LEAD_ID]:
        raise ValueError(f"{address!r} has to hold {{{LEAD_ID}}} once, and no other name in braces")
    return address


class PageSettings(Section):
    """How the pages speak, and where their links lead.

    Attributes
    ----------
    locale
        How numbers, dates and amounts are written: "en", "en_GB", "de_CH".
    url
        Where the folder of the pages is served; artefacts in Prefect link to it. Empty: they name the path.
    record_url
        The address of a lead's record in the CRM, with `{lead_id}` in it. Empty: ids are no links.
    reviews_folder
        Where notes of reviews are: a file each. None: there are none.
    resources
        The file of what each team gave the other (`data_contracts.resources`); None where there is none.
    segments
        Attributes that lists can be filtered by, beside what they show of every lead.
    figures_by_owner
        Whether figures are shown for each seller: nobody is ranked unless both teams asked for it.
    least_group
        Figures of an owner with fewer hand-offs are not shown.
    """

    locale: Annotated[str, AfterValidator(_known_locale)] = "en"
    url: Annotated[str, AfterValidator(web_address)] = ""
    record_url: Annotated[str, AfterValidator(_lead_address)] = ""
    reviews_folder: Folder | None = None
    resources: Path | None = None
    segments: tuple[str, ...] = ()
    figures_by_owner: bool = False
    least_group: Annotated[int, Field(ge=2)] = 10

    def showing(self, attributes: Iterable[str]) -> "PageSettings":
        """These settings without the segments that are not among `attributes`."""
        known = set(attributes)
        return self.model_copy(update={"segments": tuple(name for name in self.segments if name in known)})

    def record_of(self, lead_id: str) -> str | None:
        """The address of the lead's record; None where the settings do not say.

        >>> PageSettings(record_url="https://crm.example/leads/{lead_id}").record_of("a/b?c")
        'https://crm.example/leads/a%2Fb%3Fc'
        """
        return self.record_url.format(lead_id=quote(lead_id, safe="")) if self.record_url else None
