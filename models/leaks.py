"""What may have known the outcome: the leak report of a transition."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_contracts.crm_mapping import CrmMapping
from data_contracts.errors import TooFewOutcomesError
from data_contracts.leaks import ByFate, Count, LeakFinding, LeakReport, Subject
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import ENTRY
from data_contracts.wording import estimate_text
from models.association import Association, Associations, associations
from models.evidence import evidence_of
from models.gate import HIGHEST_AUC
from models.leak_rules import (
    LEAST_COUNTED,
    ChangeCounts,
    Judged,
    RecordingCounts,
    TimeEvidence,
    judge,
    rank_correlation_after,
)
from models.split import Split, at_day, default_test_from, learning_rows, split_at
from models.standing import OpenLeads, coded, shifts
from models.threads import in_one_thread
from models.twins import Twins, twins_of

LEAST_OUTCOMES = 20
"""Leads of either outcome, on either side of the split, below which no association is told from chance."""

MOST_SNAPSHOTS = 60_000
"""Labelled snapshots by which associations are judged, of whole accounts drawn at random: a model is fitted for each
attribute and kind, and more leads would narrow no interval that matters."""

LEAST_TWINS_SHARE = 0.002
"""Share of leads with a twin before them from which twins matter: fewer hardly move a figure."""

LEAST_AGREEMENT = 0.5
"""Correlation of the outcomes of twins beyond which they are one lead. Alike by chance, they agree as far as features
foretell the outcome: an AUC of .85 gives about .35."""

SECONDS_PER_DAY = 86_400

ATTRIBUTE_COLUMN = "attribute_"
"""How the feature columns of declared attributes begin."""


@dataclass(frozen=True, eq=False)
class LeakEvidence:
    """What history says about the leads of one transition, in memory.

    Attributes
    ----------
    fates
        One row a lead, as `features.leak_evidence.fates_of` gives them.
    changes, recordings
        Counts by attribute, and by activity kind.
    filled
        By attribute, the leads for which it is filled in the latest extract.
    """

    fates: pd.DataFrame
    changes: Mapping[str, ChangeCounts]
    recordings: Mapping[str, RecordingCounts]
    filled: Mapping[str, ByFate]


@dataclass(frozen=True, slots=True)
class _Subject:
    """An attribute or a kind: its name, the column that stands for it, and all columns that are made of it alone."""

    subject: Subject
    name: str
    declared: str
    allowed_because: str
    column: FeatureColumn
    columns: tuple[str, ...]


@in_one_thread
def leak_report(table: LabelledTable, evidence: LeakEvidence, *, crm: CrmMapping) -> LeakReport:
    """What each declared attribute and each activity kind of `table` may have known, with a verdict and its reason.

    | verdict | if |
    |---|---|
    | leak | time shows that it was written at the outcome or after it (`models.leak_rules`) |
    | suspect | no evidence in time, but too good: alone it ranks like a whole model, or a value decides |
    | clear | neither |

    Associations are learnt on the leads whose outcome was known when the last quarter began, and judged on that; there
    are none where either side is too small. Raises `TooFewOutcomesError` where no outcome is known.
    """
    labelled, split = _labelled_at_entry(table)
    entries = _first_entries(table, evidence)
    subjects = _subjects(table, entries, crm)
    is_enough = all(evidence_of(side).n_rarer >= LEAST_OUTCOMES for side in (split.train, split.test))
    known = associations(split, table.columns, [subject.columns for subject in subjects]) if is_enough else None
    open_leads = _open_leads(entries, table)
    findings = [
        _finding(subject, entries, labelled, evidence=evidence, open_leads=open_leads, association=association)
        for subject, association in zip(subjects, known.each if known else [None] * len(subjects), strict=True)
    ]
    findings.append(_rows_finding(twins_of(learning_rows(table), table.columns)))
    if known is not None:
        findings.append(_model_finding(known))
    order = {"leak": 0, "suspect": 1, "clear": 2}
    return LeakReport(
        transition=table.transition,
        extracted_at=table.extracted_at,
        test_from=split.test_from,
        n_leads=len(entries),
        n_open=int(entries["decided_at"].isna().sum()),
        findings=tuple(sorted(findings, key=lambda finding: order[finding.verdict])),
    )


def _labelled_at_entry(table: LabelledTable) -> tuple[pd.DataFrame, Split]:
    """The labelled rows at entry, and the same in time order: earlier leads to learn on, later ones to judge on."""
    rows = learning_rows(table, most_rows=MOST_SNAPSHOTS)
    labelled = at_day(rows, ENTRY)
    if labelled.empty:
        raise TooFewOutcomesError(
            table.transition,
            what="leads with a known outcome",
            found=0,
            needed=1,
            hint="wait for outcomes, or load a longer history",
        )
    split = split_at(rows, default_test_from(rows))
    return labelled, Split(at_day(split.train, ENTRY), at_day(split.test, ENTRY), test_from=split.test_from)


def _first_entries(table: LabelledTable, evidence: LeakEvidence) -> pd.DataFrame:
    """The first snapshot at entry of each lead whose fate is known, with that fate."""
    entries = table.frame[table.frame["day"] == ENTRY].drop_duplicates("lead_id")
    fates = evidence.fates.astype({"lead_id": entries["lead_id"].dtype})
    return entries.merge(fates, on="lead_id")


def _open_leads(entries: pd.DataFrame, table: LabelledTable) -> OpenLeads:
    extract = pd.Timestamp(table.extracted_at)
    return OpenLeads(
        ages=_days(extract - entries["entered_at"]),
        decided=np.nan_to_num(_days(extract - entries["decided_at"]), nan=-np.inf),
        converted=entries["has_converted"].to_numpy(dtype=bool),
        groups=pd.factorize(entries["group_id"])[0],
        horizon_days=table.horizon_days,
    )


def _days(spans: pd.Series) -> np.ndarray:
    return np.asarray(spans.dt.total_seconds() / SECONDS_PER_DAY, dtype=np.float64)


def _subjects(table: LabelledTable, entries: pd.DataFrame, crm: CrmMapping) -> list[_Subject]:
    """The declared attributes, and the activity kinds that ever happened before an entry."""
    by_name = {column.name: column for column in table.columns}
    found = []
    for name, declared in crm.feature_attributes.items():
        column = by_name[f"{ATTRIBUTE_COLUMN}{name}"]
        columns = tuple(c.name for c in table.columns if column.name in {c.name, c.family})
        availability, because = declared.availability.value, declared.allowed_because
        found.append(_Subject("attribute", name, availability, because, column, columns))
    for kind in crm.kinds:
        own = [c for c in table.columns if c.group == "behaviour" and c.family == kind]
        counts = [c for c in own if c.name.startswith("n_")]
        if counts and entries[counts[-1].name].any():
            because = crm.allowed_kinds.get(kind, "")
            columns = tuple(c.name for c in own)
            found.append(_Subject("activity_kind", kind, "once recorded", because, counts[-1], columns))
    return found


def _finding(
    subject: _Subject,
    entries: pd.DataFrame,
    labelled: pd.DataFrame,
    *,
    evidence: LeakEvidence,
    open_leads: OpenLeads,
    association: Association | None,
) -> LeakFinding:
    values = entries[subject.column.name]
    # A reason names values. Of a free text, it names none that few leads have: it may say who they are.
    codes, names = coded(values, least_leads=LEAST_COUNTED if subject.column.type == "text" else 1)
    is_kind = subject.subject == "activity_kind"
    in_time = TimeEvidence(
        shifts=shifts(open_leads, codes, n_codes=len(names)),
        names=names,
        after=rank_correlation_after(values, entries, open_leads) if subject.column.type == "number" else None,
        changes=None if is_kind or subject.declared == "historised" else evidence.changes.get(subject.name),
        recordings=evidence.recordings.get(subject.name) if is_kind else None,
    )
    verdict, reason = judge(
        in_time, Judged.of(labelled, subject.column.name, association, fates=entries), n_open=_n_open(open_leads)
    )
    recorded = evidence.recordings.get(subject.name)
    return LeakFinding(
        subject=subject.subject,
        name=subject.name,
        declared=subject.declared,
        verdict=verdict,
        reason=reason,
        allowed_because=subject.allowed_because,
        at_entry=_by_fate((values.fillna(0) > 0) if is_kind else values.notna(), entries),
        at_extract=(recorded.by_fate if recorded else None) if is_kind else evidence.filled.get(subject.name),
        auc_alone=None if association is None else association.auc,
        gain_alone=None if association is None else association.gain,
        gain_on_top=None if association is None else association.gain_on_top,
    )


def _n_open(open_leads: OpenLeads) -> int:
    return int((~np.isfinite(open_leads.decided)).sum())


def _by_fate(having: pd.Series, entries: pd.DataFrame) -> ByFate:
    is_open = entries["decided_at"].isna()
    has_converted = entries["has_converted"].astype(bool)
    parts = (has_converted, ~has_converted & ~is_open, is_open)
    counts = (Count(n_having=int((having & part).sum()), n=int(part.sum())) for part in parts)
    converted, closed, still_open = counts
    return ByFate(converted=converted, closed=closed, still_open=still_open)


def _rows_finding(twins: Twins) -> LeakFinding:
    share = twins.n_twins / max(1, twins.n_leads)
    told = f"{twins.n_twins:,} of the {twins.n_leads:,} leads have the very features of an earlier lead"
    is_leak = share >= LEAST_TWINS_SHARE and twins.agreement_low is not None and twins.agreement_low > LEAST_AGREEMENT
    if twins.agreement is not None:
        told += f", and their outcomes correlate by {twins.agreement:.2f} (at least {twins.agreement_low:.2f})"
    ending = "; one lead stands in the CRM under several ids: merge them" if is_leak else ""
    return LeakFinding(
        subject="rows",
        name="twins",
        declared="",
        verdict="leak" if is_leak else "clear",
        reason=told + ending,
    )


def _model_finding(known: Associations) -> LeakFinding:
    auc = known.auc_of_all
    is_too_good = auc.low is not None and auc.low > HIGHEST_AUC
    told = f"all features together have an AUC of {estimate_text(auc)} at entry"
    return LeakFinding(
        subject="model",
        name="as a whole",
        declared="",
        verdict="suspect" if is_too_good else "clear",
        reason=f"{told}; lead scoring hardly gets beyond 0.85" if is_too_good else told,
        auc_alone=auc,
    )
