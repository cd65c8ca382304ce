"""Thresholds: chosen on what a release would have said of the past weeks, published, reverted, kept for good."""

import datetime as dt
import math

import pandas as pd

from data_contracts.check import open_checked
from data_contracts.errors import BusyError, ReleaseError, SettingsError, StoreError
from data_contracts.history import CrmHistory
from data_contracts.past_scores import AMOUNT, P_FIRST, PastScores
from data_contracts.policy import Policy
from data_contracts.ports import Engine
from data_contracts.progress import Say, silent
from data_contracts.releases import ReleaseManifest
from data_contracts.scores import P_SQL, P_WIN
from data_contracts.settings import Settings
from data_contracts.thresholds import PublishedThresholds, Thresholds
from data_contracts.vocabulary import Transition
from features.past import past_leads, routed_leads, sampled_accounts
from models.amounts import expected_amounts
from models.chain import win_probabilities
from models.fitted import ScoringRelease
from models.thresholds import PAST_WEEKS, ReleaseScores, choose_thresholds
from pipelines.in_force import (
    load_under_own_configuration,
    refuse_lacking_attributes,
    registry_of,
    warn_of_another_policy,
)
from pipelines.kept_thresholds import published, write_published
from pipelines.store import Store


def thresholds_for(
    settings: Settings, *, release: str = "production", policy: Policy | None = None, say: Say = silent
) -> Thresholds:
    """What would be published now: the thresholds of `release` on the checked history under `policy`.

    Weeks that the release has not seen are scored by itself; those before its training, by models that had not seen the
    accounts. `policy` is that of the settings file by default. Nothing is written.

    Raises `ReleaseError` where there is no such release, or it does not say what it would have said of past leads.
    """
    store = Store.of(settings)
    loaded, own = load_under_own_configuration(release, settings)
    asked = own.model_copy(update={"policy": policy or settings.policy})
    with store.open_history() as engine:
        history = open_checked(engine).history
        refuse_lacking_attributes(history, asked)
        say(f"the leads of the past {PAST_WEEKS} weeks")
        scores = ReleaseScores(
            release_id=loaded.manifest.release_id,
            past=_joined(engine, history, loaded, asked),
            has_sqls=asked.definitions.first_transition is Transition.MQL_TO_SQL,
            data_fingerprint=history.fingerprint,
            until=history.extracted_at,
        )
        leads = routed_leads(history, asked)
    return choose_thresholds(scores, leads, policy=asked.policy)


def in_force(settings: Settings, manifest: ReleaseManifest) -> Thresholds:
    """The thresholds that were published last for the release; its first ones where none were."""
    told = published(Store.of(settings).folder, manifest.release_id)
    return told[-1].thresholds if told else manifest.thresholds


def with_policy_in_force(settings: Settings, *, warn: Say = silent) -> Settings:
    """`settings` with the policy that the release in production works under; their own where none is in production.

    So no training puts an edited policy into force: that is `publish`. `warn` is told where the file holds another.
    """
    try:
        manifest = registry_of(Store.of(settings)).manifest_in_force()
    except (ReleaseError, StoreError, BusyError) as error:
        warn(f"the policy in force is not known, so that of the settings file counts: {error}")
        return settings
    if manifest is None:
        return settings
    standing = in_force(settings, manifest)
    warn_of_another_policy(standing, settings, warn=warn)
    return settings.model_copy(update={"policy": standing.policy})


def publish(settings: Settings, chosen: Thresholds, *, because: str, at: dt.datetime, by: str) -> PublishedThresholds:
    """Put `chosen` into force for its release.

    Raises `SettingsError` where the version of its policy was published with another content.
    """
    folder = Store.of(settings).folder
    told = published(folder, chosen.release_id)
    _refuse_second_meaning(told, chosen)
    entry = PublishedThresholds(at=at, by=by, because=because, thresholds=chosen)
    write_published(folder, chosen.release_id, entry, by="leadscore thresholds")
    return entry


def revert(
    settings: Settings, *, release: str = "production", because: str, at: dt.datetime, by: str
) -> PublishedThresholds:
    """Put the thresholds into force that were before. Again, and it is those before them.

    Raises `SettingsError` where none were in force before.
    """
    loaded, _ = load_under_own_configuration(release, settings)
    release_id = loaded.manifest.release_id
    before = _before(published(Store.of(settings).folder, release_id), first=loaded.manifest.thresholds)
    if before is None:
        raise SettingsError(f"release {release_id} had no other thresholds before; nothing was changed")
    entry = PublishedThresholds(at=at, by=by, because=because, thresholds=before, reverts=True)
    write_published(Store.of(settings).folder, release_id, entry, by="leadscore thresholds")
    return entry


def history_of(settings: Settings, *, release: str = "production") -> tuple[PublishedThresholds, ...]:
    """Every thresholds that were put into force for `release`, the first ones first."""
    loaded, _ = load_under_own_configuration(release, settings)
    return published(Store.of(settings).folder, loaded.manifest.release_id)


def _before(told: tuple[PublishedThresholds, ...], *, first: Thresholds) -> Thresholds | None:
    """What a revert puts back: the ones below those in force, once those that were reverted are taken away."""
    standing = [first]
    for entry in told:
        if entry.reverts:
            standing.pop()
        else:
            standing.append(entry.thresholds)
    return standing[-2] if len(standing) > 1 else None


def _refuse_second_meaning(told: tuple[PublishedThresholds, ...], chosen: Thresholds) -> None:
    """Raise where thresholds of the same release were published with another policy under the same version."""
    for entry in told:
        kept = entry.thresholds.policy
        if kept.version == chosen.policy.version and kept.digest != chosen.policy.digest:
            raise SettingsError(
                f"policy {kept.version} was published with another content on {entry.at:%Y-%m-%d %H:%M} UTC; raise "
                "`version` in [policy], so that no version means two things"
            )


def _joined(engine: Engine, history: CrmHistory, release: ScoringRelease, settings: Settings) -> PastScores:
    """What the release said, or would have said, of the past weeks up to the extract."""
    kept, trained = release.past, release.manifest.as_of
    if kept is None:
        raise ReleaseError(
            f"release {release.manifest.release_id} does not say what it would have said of past leads, on which "
            "thresholds are chosen; train again with `leadscore train`"
        )
    weeks = math.ceil((history.extracted_at - trained) / dt.timedelta(weeks=1))
    if weeks <= 0:
        return kept
    past = past_leads(engine, history, settings, weeks=min(weeks, PAST_WEEKS))
    since = past.frame[past.frame["as_of"] > trained]
    chances = win_probabilities(release.transitions, since, chain=release.chain)
    first = P_WIN if Transition.MQL_TO_WIN in release.transitions else P_SQL
    told = since[["lead_id", "group_id", "as_of", "stage"]].assign(
        **{P_FIRST: chances[first].to_numpy(), P_WIN: chances[P_WIN].to_numpy()},
        **{AMOUNT: expected_amounts(release.manifest.amounts, since)},
    )
    share = min(kept.sampled_share, past.sampled_share)
    whole = pd.concat([kept.frame, told], ignore_index=True)
    if share < 1:  # an account that is in one of the samples alone would seem to come and go
        whole = whole[whole["group_id"].isin(sampled_accounts(engine, history, share=share))]
    return PastScores(whole, share)
