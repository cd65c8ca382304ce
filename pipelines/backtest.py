"""Checked history in, windows over time out."""

from collections.abc import Mapping

from data_contracts.backtests import Backtest, KeptBacktest
from data_contracts.check import open_checked
from data_contracts.configuration import Configuration
from data_contracts.disk import disk_errors
from data_contracts.errors import StoreError
from data_contracts.keeping import held, kept_file
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from data_contracts.vocabulary import Transition
from features.known import never_recorded_late
from models.permute import permuted
from models.release import inputs_of
from models.run_figures import backtest_start
from models.train import SEED, backtest_transition
from pipelines.definitions import keep_definitions
from pipelines.in_force import refuse_lacking_attributes, refuse_redeclared, registry_of
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.tables import build_table


def backtest(
    settings: Settings,
    *,
    n_folds: int = 4,
    permute: bool = False,
    run: RunStep = directly,
    say: Say = silent,
    warn: Say = silent,
) -> Mapping[Transition, Backtest]:
    """Every transition on `n_folds` later and later windows, the oldest first, and by month and segment.

    Each window's model learns only from what was recorded before it. `warn` is told of which tables the history cannot
    say what was recorded late. A run of MLflow keeps the windows. With `permute`, features are shuffled among leads
    before: what is found then is chance. Raises as `train_release` does.
    """
    refuse_redeclared(settings, warn=warn)
    store = Store.of(settings)
    with store.open_history() as engine:
        checked = open_checked(engine)
        refuse_lacking_attributes(checked.history, settings)
        for name in never_recorded_late(checked.history):
            warn(
                f"{name}: no row was recorded later than it happened, so the windows take all as known at once; "
                "where the CRM keeps when a row was entered, select it as recorded_at"
            )
        keep_definitions(store.folder, settings.definitions, by="leadscore backtest")
        tables = {
            transition: run(build_table, engine, checked.history, settings, transition=transition, say=say)
            for transition in settings.definitions.transitions
        }
        inputs = inputs_of(checked.history, settings, tables=tables)
        extracted_at, fingerprint = checked.history.extracted_at, checked.history.fingerprint
    if permute:
        tables = {transition: permuted(table, seed=SEED) for transition, table in tables.items()}
    registry = registry_of(store)
    start = backtest_start(inputs, Configuration.of(settings), n_folds=n_folds, permute=permute)
    with registry.opened(start) as run_id:
        judged = {
            transition: run(
                backtest_transition,
                table,
                definitions=settings.definitions,
                leads_per_week=settings.policy.leads_per_week,
                n_folds=n_folds,
                say=say,
            )
            for transition, table in tables.items()
        }
        say("recording the windows in MLflow")
        run(record_backtest, judged, store=store, run_id=run_id)
    if not permute:
        _keep(
            KeptBacktest(
                extracted_at=extracted_at,
                definitions_version=settings.definitions.version,
                data_fingerprint=fingerprint,
                transitions=judged,
            ),
            store,
        )
    return judged


def _keep(told: KeptBacktest, store: Store) -> None:
    """Put it in the place of the backtest before, for the pages."""
    path = store.backtest
    with disk_errors(path), held(path, by="leadscore backtest"), kept_file(path) as aside:
        aside.write_text(f"{told.model_dump_json(indent=2)}\n", encoding="utf-8")


def last_backtest(store: Store) -> KeptBacktest | None:
    """The last backtest; None where there was none. Raises `StoreError` where it cannot be read."""
    path = store.backtest
    try:
        return KeptBacktest.model_validate_json(path.read_bytes()) if path.exists() else None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); run `leadscore backtest` again") from error


def record_backtest(judged: Mapping[Transition, Backtest], *, store: Store, run_id: str) -> None:
    """Keep the windows in the run of MLflow that was opened for them."""
    registry_of(store).record_backtest(run_id, judged)
