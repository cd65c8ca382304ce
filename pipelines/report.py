"""Results as rows that a terminal, a Prefect artefact and JSON can all show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_contracts.configuration import settings_told
from data_contracts.definitions import Definitions
from data_contracts.evaluation_table import signal_warning
from data_contracts.gate import Promotion, Way
from data_contracts.history import CheckReport
from data_contracts.releases import ReleaseManifest
from data_contracts.scores import PublishReceipt, ScoredLeads
from data_contracts.wording import figure
from models.versions import PRODUCTION, ReleaseVersion

if TYPE_CHECKING:
    from pipelines.train import TrainingRun


def table_check_rows(report: CheckReport) -> list[dict[str, str]]:
    """One row a table: rows read, accepted, refused, left out by name, and the rule that refused most."""
    rows = []
    for check in report.tables:
        worst = max(check.breaches.items(), key=lambda item: item[1], default=None)
        rows.append(
            {
                "table": check.table,
                "rows": f"{check.rows:,}",
                "accepted": f"{check.accepted:,}",
                "refused": f"{check.refused:,}",
                "left out": ", ".join(f"{name} ({n:,})" for name, n in check.left_out.items()),
                "most frequent breach": f"{worst[0]} ({worst[1]:,})" if worst else "",
            }
        )
    return rows


def training_warnings(manifest: ReleaseManifest) -> list[str]:
    """What a reader of the training must not overlook, in the order of the transitions."""
    warnings = []
    for summary in manifest.transitions:
        if (warning := signal_warning(summary)) is not None:
            warnings.append(warning)
        if summary.validation == "grouped":
            warnings.append(
                f"{summary.transition}: history is too short to choose a model by later leads; it was chosen by other "
                "accounts of the same time, where what drifts does not show"
            )
    return warnings


def reading_of_the_test(made: "TrainingRun") -> str:
    """How often the test leads were read before, and what that does to the figures."""
    if not made.n_read_before:
        return "the test leads were read once, by this training: everything was chosen on earlier ones"
    releases = "another release" if made.n_read_before == 1 else f"{made.n_read_before:,} other releases"
    return (
        f"the test leads were read before, by {releases} of this history: whoever picks the best of them picks luck as "
        "well, and only later leads are new"
    )


def standing(made: "TrainingRun") -> str:
    """What became of the trained release, in the words that follow its number."""
    if made.is_promoted:
        return "promoted to production"
    return (
        f"a candidate, held back because {made.held_back_because}; "
        f'`leadscore promote {made.version} --force --because "..."` puts it into force'
    )


def release_rows(versions: Sequence[ReleaseVersion]) -> list[dict[str, str]]:
    """One row a registered version, in their order: what it is now, and what the gate last held against it."""
    return [
        {
            "version": version.version,
            "is": ", ".join(version.aliases),
            "release": version.release_id,
            "definitions": version.definitions_version,
            "recorded": f"{version.recorded_at:%Y-%m-%d %H:%M} UTC",
            "held back because": version.held_back_because,
        }
        for version in versions
    ]


WAYS: dict[Way, str] = {
    "rule": "by rule",
    "promoted": "past the gate",
    "forced": "against the gate",
    "reverted": "put back",
}
"""How a release came into force, in words."""


def history_rows(history: Sequence[Promotion]) -> list[dict[str, str]]:
    """One row a putting into force, the latest first: when, who, why, and what was overridden."""
    return [
        {
            "in force from": f"{entry.at:%Y-%m-%d %H:%M} UTC",
            "version": entry.version,
            "release": entry.release_id,
            "how": WAYS[entry.way],
            "by": entry.by,
            "because": entry.because,
            "overridden": "; ".join(entry.verdict.reasons) if entry.verdict else "",
        }
        for entry in reversed(history)
    ]


def moved_by_hand(versions: Sequence[ReleaseVersion], history: Sequence[Promotion]) -> str | None:
    """What to say where another version is in production than the history says; None where both agree."""
    in_force = next((version.version for version in versions if PRODUCTION in version.aliases), None)
    latest = {entry.version for entry in history if entry.number == history[-1].number}
    if in_force in latest or (in_force is None and not history):
        return None
    what = f"version {in_force} is" if in_force else "nothing is"
    return (
        f"{what} in production and the history does not say so: the alias was moved in MLflow, without a reason; "
        "`leadscore promote` puts a release into force and says why"
    )


def receipt_rows(receipt: PublishReceipt) -> list[dict[str, str]]:
    """One row a kind of result: written, unchanged, refused."""
    return [
        {"result": "written", "leads": f"{receipt.n_written:,}"},
        {"result": "unchanged", "leads": f"{receipt.n_unchanged:,}"},
        {"result": "refused", "leads": f"{len(receipt.refused):,}"},
    ]


def action_rows(scored: ScoredLeads) -> list[dict[str, str]]:
    """One row an action: how many leads, their mean probability of a win and their expected value in total."""
    table = pq.read_table(scored.path, columns=["action", "p_win", "expected_value"])
    by_action = table.group_by("action").aggregate([("p_win", "count"), ("p_win", "mean"), ("expected_value", "sum")])
    return [
        {
            "action": row["action"],
            "leads": f"{row['p_win_count']:,}",
            "mean p_win": figure(row["p_win_mean"]),
            "expected value": f"{row['expected_value_sum']:,.0f}",
        }
        for row in sorted(by_action.to_pylist(), key=lambda row: -row["p_win_mean"])
    ]


def extrapolated_text(scored: ScoredLeads) -> str:
    """How many of the scored leads are extrapolated, as a sentence."""
    marked = pq.read_table(scored.path, columns=["is_extrapolated"])["is_extrapolated"]
    n_extrapolated = pc.sum(marked).as_py() or 0
    return (
        f"{n_extrapolated:,} of {scored.n_leads:,} are extrapolated: "
        "no labelled leads resemble them, so take their figures with care"
    )


def agreement_rows(agreed: Definitions) -> list[dict[str, str]]:
    """One row a setting of `agreed`, by path in the settings file; what is not agreed on is left out."""
    return [{"setting": path, "value": value} for path, value in settings_told(agreed)]
