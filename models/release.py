"""The release: the fitted transitions, the grades, and everything that went in. Its id is made from the inputs."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from data_contracts.amounts import AmountModel
from data_contracts.configuration import Configuration
from data_contracts.history import CrmHistory
from data_contracts.past_scores import PastLeads
from data_contracts.recalibration import Parent
from data_contracts.releases import ReleaseInputs, ReleaseManifest
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.fitted import FittedChain, FittedTransition, ScoringRelease
from models.grades import choose_grading
from models.past_scores import past_scores
from models.thresholds import ReleaseScores, choose_thresholds
from models.train import SEED

LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "pandas", "duckdb", "ibis-framework")
"""The libraries that make figures."""

PACKAGES = ("data_contracts", "features", "models")
"""Our packages that make figures. What a source's SELECTs make is in the fingerprint of the history."""


def assemble_release(
    settings: Settings,
    *,
    inputs: ReleaseInputs,
    tables: Mapping[Transition, LabelledTable],
    fitted: Mapping[Transition, FittedTransition],
    amounts: AmountModel,
    created_at: dt.datetime,
    past: PastLeads,
    chain: FittedChain | None = None,
) -> ScoringRelease:
    """The release of `fitted`, with the boundaries of its grades and its first thresholds.

    Parameters
    ----------
    inputs
        Everything that went in: the release's id is made from it.
    tables
        What each transition was learnt from.
    amounts
        What a win is expected to bring.
    created_at
        When it was trained (UTC, naive). Not an input: the same inputs give the same release tomorrow.
    past
        The leads of the past weeks, for its first thresholds under the policy of `settings`.
    chain
        What `train_chain` returns.
    """
    first = settings.definitions.first_transition
    said = past_scores(
        past.frame,
        tables,
        fitted,
        chain=chain,
        amounts=amounts,
        sampled_share=past.sampled_share,
        seed=inputs.seed,
    )
    scores = ReleaseScores(
        release_id=inputs.release_id,
        past=said,
        has_sqls=first is Transition.MQL_TO_SQL,
        data_fingerprint=inputs.data_fingerprint,
        until=inputs.extracted_at,
    )
    manifest = ReleaseManifest(
        release_id=inputs.release_id,
        created_at=created_at,
        inputs=inputs,
        configuration=Configuration.of(settings),
        features=tables[first].columns,
        transitions=tuple(model.summary for model in fitted.values()),
        grading=choose_grading(fitted[first], tables[first], definitions=settings.definitions),
        thresholds=choose_thresholds(scores, past.leads, policy=settings.policy),
        amounts=amounts,
        chain=None if chain is None else chain.summary,
    )
    return ScoringRelease(manifest, fitted, win_calibrator=None if chain is None else chain.calibrator, past=said)


def inputs_of(
    history: CrmHistory,
    settings: Settings,
    *,
    tables: Mapping[Transition, LabelledTable],
    test_from: dt.datetime | None = None,
    seed: int = SEED,
    parent: Parent | None = None,
) -> ReleaseInputs:
    """Everything that decides what a training on `history` makes with the code and libraries at hand.

    `tables` is what each transition is learnt from; all are made with one feature catalogue. `parent` is the release
    that is recalibrated.
    """
    return ReleaseInputs(
        source=settings.crm.source,
        currency=settings.crm.currency,
        extracted_at=history.extracted_at,
        data_fingerprint=history.fingerprint,
        configuration_digest=Configuration.of(settings).digest,
        catalogue_digest=tables[settings.definitions.first_transition].catalogue_digest,
        test_from=test_from,
        seed=seed,
        policy_digest=settings.policy.digest,
        code_version=version("leadscore"),
        code_digest=source_digest(Path(__file__).parents[1]),
        libraries={name: version(name) for name in LIBRARIES},
        parent=parent,
    )


@cache
def source_digest(root: Path) -> str:
    """Digest (16 hexadecimal digits) of the source text of `PACKAGES`, which are folders in `root`."""
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
