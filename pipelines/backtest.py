"""Checked history in, evaluations over time out."""

from collections.abc import Mapping

from data_contracts.check import open_checked
from data_contracts.progress import Say, silent
from data_contracts.releases import Evaluation
from data_contracts.settings import Settings
from data_contracts.vocabulary import Transition
from models.permute import permuted
from models.train import SEED, backtest_transition
from pipelines.definitions import keep_definitions
from pipelines.in_force import refuse_lacking_attributes, refuse_redeclared
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.train import build_table


def backtest(
    settings: Settings, *, n_folds: int = 4, permute: bool = False, run: RunStep = directly, say: Say = silent
) -> Mapping[Transition, tuple[Evaluation, ...]]:
    """Evaluations of every transition on `n_folds` later and later windows, the oldest first.

    Each fold's model learns only from outcomes known before its window. With `permute`, features are shuffled among
    leads before: what is found then is chance. Raises as `train_release` does.
    """
    refuse_redeclared(settings, warn=say)
    store = Store.of(settings)
    with store.open_history() as engine:
        checked = open_checked(engine)
        refuse_lacking_attributes(checked.history, settings)
        keep_definitions(store.folder, settings.definitions, by="leadscore backtest")
        tables = [
            run(build_table, engine, checked.history, settings, transition=transition, say=say)
            for transition in settings.definitions.transitions
        ]
    if permute:
        tables = [permuted(table, seed=SEED) for table in tables]
    return {
        table.transition: run(backtest_transition, table, definitions=settings.definitions, n_folds=n_folds, say=say)
        for table in tables
    }
