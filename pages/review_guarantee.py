"""The lead guarantee on a page: how many hand-offs missed the agreed profile, and what is credited for it."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.guarantee import (
    CREDITS,
    FIT_SHARE,
    KNOWN_SHARE,
    MISSES,
    OFF_ICP_SHARE,
    CreditState,
    Guarantee,
)
from data_contracts.targets import Targets
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import latest, latest_first, over_by, with_days, within_sentence
from pages.review_words import (
    Row,
    beside,
    counted,
    in_words,
    range_of,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table


def guarantee_section(guarantee: Guarantee, formats: Formats, *, targets: Targets, name: str) -> Section:
    """The share of the latest period's hand-offs that missed the profile, and how the ledger stands.

    Parameters
    ----------
    guarantee
        Of all hand-offs together.
    targets
        How many may miss it at most.
    name
        What the tables' files begin with.
    """
    over = over_by(guarantee.rows, guarantee.period, as_of=guarantee.as_of, formats=formats)
    told = latest(over, "judged")
    points = tuple(_points(guarantee, formats))
    if told is None:
        return Section(
            "Whether hand-offs meet the profile nobody can say", points=points, missing=_not_judged(over, formats)
        )
    folded = {}
    n = guarantee.ledger.num_rows
    ledger = _ledger(guarantee, name)
    if n:
        folded[f"The ledger: {counted(n, 'hand-off', 'hand-offs', formats)}, the latest first"] = ledger
    folded[f"Every {guarantee.period}"] = _periods(guarantee, name)
    disputed = ledger.rows.filter(pc.equal(ledger.rows["state"], CreditState.DISPUTED.value))
    return Section(
        _heading(told, targets.off_icp_share, formats),
        _said(told, targets.off_icp_share, disputed.num_rows, formats),
        tuple(_figures(guarantee, told, targets.off_icp_share, formats)),
        (_disputes(disputed, ledger, name),) if disputed.num_rows else (),
        folded=folded,
        points=points,
    )


def _not_judged(over: Sequence[Row], formats: Formats) -> NotThere:
    """Why no period tells of a hand-off that could be judged."""
    if not over:
        return NotThere("No lead was handed off in a period that is over; look again after the next one.")
    not_agreed, unknown = (sum(row[name] for row in over) for name in ("not_agreed", "unknown"))
    told = []
    if not_agreed:
        told.append(
            f"{counted(not_agreed, 'lead was', 'leads were', formats)} handed off on days on which no profile was in "
            "force: `[definitions]` says by `effective_from` from which day on its criteria count."
        )
    if unknown:
        told.append(
            f"Of {counted(unknown, 'lead', 'leads', formats)} no criterion was known at the hand-off: have its "
            "attributes filled in before."
        )
    return NotThere(" ".join(told))


def _heading(told: Row, agreed: float | None, formats: Formats) -> str:
    interval = range_of(told, "off_icp_share", formats.share)
    begin = f"{formats.share(told['off_icp_share'])} of the hand-offs missed the profile"
    begin += f" ({interval})" if interval else ""
    return f"{begin}; how many may is not agreed" if agreed is None else f"{begin}, agreed are {formats.share(agreed)}"


def _said(told: Row, agreed: float | None, disputed: int, formats: Formats) -> str:
    asked = (
        f"Marketing owes sales a word on {counted(disputed, 'dispute', 'disputes', formats)}: `leadscore dispute LEAD "
        "--uphold`, or `--withdraw`."
        if disputed
        else ""
    )
    return f"{_held_against(told, agreed)} {asked}".strip()


def _held_against(told: Row, agreed: float | None) -> str:
    if agreed is None:
        return "Give `off_icp_share` in `[targets]` to hold it against something."
    if told["off_icp_share"] <= agreed:
        return "That is as agreed."
    if _is_clearly_more(told, agreed):
        return "That is more than agreed, and chance does not explain it: see which campaigns bring them."
    return "That is more than agreed; with so few, chance alone may explain it."


def _is_clearly_more(told: Row, agreed: float | None) -> bool:
    low = told["off_icp_share_low"]
    return agreed is not None and low is not None and low > agreed


def _points(guarantee: Guarantee, formats: Formats) -> Iterator[str]:
    """What limits the numbers."""
    yield from guarantee.not_judged_by
    if guarantee.unmatched:
        n = counted(guarantee.unmatched, "word", "words", formats)
        yield f"{n} about hand-offs that the CRM does not show any more are in no number."


def _figures(guarantee: Guarantee, told: Row, agreed: float | None, formats: Formats) -> Iterator[Figure]:
    period = within_sentence(told["cohort"], guarantee.period, formats)
    rows = f"{counted(told['hand_offs'], 'hand-off', 'hand-offs', formats)} of {period}."
    missed = f"{formats.count(told['off_icp'])} of {formats.count(told['judged'])} handed off in {period}"
    at_most = "" if agreed is None else f"agreed at most {formats.share(agreed)}"
    yield Figure(
        "Missed the profile",
        formats.share(told["off_icp_share"]),
        beside(range_of(told, "off_icp_share", formats.share), missed, at_most),
        f"{OFF_ICP_SHARE}. {MISSES}.",
        rows,
        is_bad=_is_clearly_more(told, agreed),
    )
    yield Figure(
        "Credited to sales",
        formats.count(told["credits"]),
        f"{formats.count(told['upheld'])} of them after a dispute · {formats.count(told['withdrawn'])} taken back",
        f"{CREDITS}.",
        rows,
    )
    yield Figure(
        "Could not be judged",
        formats.count(told["unknown"] + told["not_agreed"]),
        f"of {formats.count(told['hand_offs'])}: nothing known of {formats.count(told['unknown'])}, no profile in "
        f"force for {formats.count(told['not_agreed'])}",
        f"{KNOWN_SHARE}.",
        rows,
    )


def _ledger(guarantee: Guarantee, name: str) -> Table:
    rows = in_words(guarantee.ledger, {"missed": lambda row: ", ".join(row["missed"])})
    columns = (
        Column("lead_id", "Lead", Shown.LEAD),
        Column("handed_off_at", "Handed off", Shown.DAY),
        Column("state", "Stands", filters=True),
        Column("missed", "Missed"),
        Column("fit_share", "Fit", Shown.SHARE),
        Column("known_share", "Known of it", Shown.SHARE),
        Column("because", "Because"),
        Column("campaign", "Campaign", filters=True),
    )
    how = f"{MISSES}. {FIT_SHARE}. {KNOWN_SHARE}. {CREDITS}."
    return Table(f"{name}-guarantee-ledger", "A hand-off in the ledger", rows, columns, how, cards=True)


def _disputes(disputed: pa.Table, ledger: Table, name: str) -> Table:
    columns = (
        Column("lead_id", "Lead", Shown.LEAD),
        Column("since_at", "Disputed", Shown.DAY),
        Column("because", "Sales says"),
        Column("fit_share", "Fit", Shown.SHARE),
        Column("known_share", "Known of it", Shown.SHARE),
        Column("campaign", "Campaign"),
    )
    how = f"Disputes that marketing has not answered. {FIT_SHARE}. {KNOWN_SHARE}."
    caption = "A dispute without an answer"
    return Table(f"{name}-guarantee-disputes", caption, disputed, columns, how, cards=True, within=ledger)


def _periods(guarantee: Guarantee, name: str) -> Table:
    """Every period, the latest first, the running one too."""
    rows = latest_first(guarantee.rows)
    how = f"{OFF_ICP_SHARE}. {CREDITS}. Judged by the definitions {', '.join(guarantee.versions)}."
    columns = (
        Column("cohort", "From", Shown.DAY),
        Column("hand_offs", "Handed off", Shown.COUNT),
        Column("judged", "Judged", Shown.COUNT),
        Column("off_icp", "Missed the profile", Shown.COUNT),
        Column("off_icp_share", "Share", Shown.SHARE, low="off_icp_share_low", high="off_icp_share_high"),
        Column("credits", "Credited", Shown.COUNT),
        Column("disputed", "Disputed", Shown.COUNT),
    )
    return Table(f"{name}-guarantee", "The hand-offs of a period", with_days(rows, "cohort"), columns, how)
