"""One lead's score by itself: as it is now, and why it moved."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from data_contracts.check import open_checked
from data_contracts.errors import ReleaseError, UnknownLeadError
from data_contracts.progress import Say, silent
from data_contracts.score_changes import ScoreChanges
from data_contracts.settings import Settings
from data_contracts.thresholds import Thresholds
from models.registry import ReleaseRegistry
from pipelines.in_force import load_under_own_configuration, refuse_lacking_attributes, registry_of, warn_of_differences
from pipelines.kept_thresholds import published
from pipelines.score import call_list_at, known_moment, score_history_of
from pipelines.store import Store
from pipelines.thresholds import in_force
from serving.asked_leads import around_lead
from serving.calls import with_calls
from serving.changes import published_alone, score_changes
from serving.one_score import Regime, score_alone


def score_lead(
    settings: Settings,
    lead_id: str,
    *,
    release: str = "production",
    as_of: dt.datetime | None = None,
    warn: Say = silent,
) -> dict[str, Any]:
    """The lead's row of `SCORED_LEADS_SCHEMA` at `as_of` (UTC, naive; by default the moment of the extract).

    What the last call list decides of it counts, where it is of that moment. Nothing is written. Raises
    `UnknownLeadError` where there is no such lead, or it was not open then, and `SettingsError` where nothing is known
    of that moment yet.
    """
    store = Store.of(settings)
    regime = _regime(release, settings)
    warn_of_differences(regime.release.manifest, settings, warn=warn)
    with store.open_history() as engine:
        checked = open_checked(engine)
        moment = known_moment(checked.history, as_of)
        refuse_lacking_attributes(checked.history, regime.settings)
        with around_lead(checked, lead_id) as near:
            row = score_alone(near, lead_id, regime=regime, as_of=moment)
    told: dict[str, Any] = pa.table(with_calls(row, call_list_at(settings, moment).rows)).to_pylist()[0]
    return told


def changes_of(
    settings: Settings,
    lead_id: str,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    release: str = "production",
    warn: Say = silent,
) -> ScoreChanges:
    """Why the lead's score moved between two of its published scores.

    Parameters
    ----------
    since, until
        Moments (UTC, naive): the last score published up to each. Without `until` it is the lead's score now by
        `release`; without `since` the last score published before that.

    Raises
    ------
    UnknownLeadError
        Where there is no such lead, or no such score, saying which there are.
    """
    kept = sorted(score_history_of(settings).of_leads([lead_id]).to_pylist(), key=lambda row: row["as_of"])
    with Store.of(settings).open_history() as engine:
        checked = open_checked(engine)
        after = None if until is None else _last(kept, lead_id, until=until)
        end = checked.history.extracted_at if after is None else after["as_of"]
        before = _last([row for row in kept if row["as_of"] < end], lead_id, until=since or end)
        now = _regime(release, settings) if after is None else _regime_of(after, settings)
        with around_lead(checked, lead_id) as near:
            calls = call_list_at(settings, end).rows
            after = after or published_alone(near, lead_id, regime=now, as_of=end, calls=calls)
            return score_changes(near, before, after, then=_earlier(before, settings, warn=warn), now=now)


def _earlier(before: Mapping[str, Any], settings: Settings, *, warn: Say) -> Regime | None:
    """What made the earlier score; None where that cannot score any more."""
    try:
        return _regime_of(before, settings)
    except ReleaseError as error:
        warn(f"the earlier score cannot be made anew, so only facts and time are told apart: {error}")
        return None


def _last(rows: Sequence[dict[str, Any]], lead_id: str, *, until: dt.datetime) -> dict[str, Any]:
    """The last of `rows` up to `until`."""
    found = [row for row in rows if row["as_of"] <= until]
    if found:
        return found[-1]
    there = (
        ", ".join(f"{row['as_of']:%Y-%m-%d %H:%M}" for row in rows) or "none before the score that it is held against"
    )
    raise UnknownLeadError(
        f"no score of lead {lead_id!r} was published up to {until:%Y-%m-%d %H:%M} UTC; published scores are of: {there}"
    )


def _regime(release: str, settings: Settings) -> Regime:
    loaded, own = load_under_own_configuration(release, settings)
    return Regime(loaded, own, in_force(own, loaded.manifest))


def _regime_of(row: Mapping[str, Any], settings: Settings) -> Regime:
    """What made a published score. Raises `ReleaseError` where that is not there any more."""
    registry = registry_of(Store.of(settings))
    loaded, own = load_under_own_configuration(_version_of(registry, row["release_id"]), settings)
    first, told = loaded.manifest.thresholds, published(Store.of(settings).folder, row["release_id"])
    return Regime(loaded, own, _thresholds_of(row["thresholds_id"], (first, *(entry.thresholds for entry in told))))


def _version_of(registry: ReleaseRegistry, release_id: str) -> str:
    for version in registry.versions():
        if version.release_id == release_id:
            return version.version
    raise ReleaseError(f"release {release_id}, which made the score, is not in the registry any more")


def _thresholds_of(thresholds_id: str, known: tuple[Thresholds, ...]) -> Thresholds:
    for thresholds in known:
        if thresholds.thresholds_id == thresholds_id:
            return thresholds
    raise ReleaseError(f"thresholds {thresholds_id}, which the score was made under, are not in the store any more")
