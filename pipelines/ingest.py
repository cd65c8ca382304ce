"""CRM history in, checked history out."""

from crm.sql_source import SqlSource
from data_contracts.check import check_history
from data_contracts.errors import ContractError, LeadScoreError
from data_contracts.history import CheckReport, RawHistory
from data_contracts.kept_checks import KeptCheck
from data_contracts.ports import Engine, HistorySource
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from pipelines.clock import now
from pipelines.definitions import refuse_second_meaning
from pipelines.engine import reader_of
from pipelines.in_force import settings_for_check
from pipelines.kept_checks import keep_check
from pipelines.steps import RunStep, directly
from pipelines.store import Store


def ingest_history(
    settings: Settings, *, run: RunStep = directly, say: Say = silent, warn: Say = silent
) -> CheckReport:
    """The report of a check whose history now stands in the store.

    The history holds the attributes of the settings and those that the release in force reads. `warn` is told where
    that release cannot be read, or reads an attribute as something else. It is told too where the version of the
    definitions means something else already; no figure of a check depends on them, so this stops none.

    On a `ContractError` the history of the run before stays, and the refused one is kept beside it with its quarantine.
    The counts of the check are kept either way (`pipelines.kept_checks`); `warn` is told where they cannot be.
    """
    store = Store.of(settings)
    kept = settings_for_check(settings, warn=warn)
    last = _last_report(store, warn=warn)
    _warn_of_second_meaning(store, settings, warn=warn)
    with store.new_history() as engine:
        say(f"reading {settings.crm.source} from {settings.crm.data_folder}")
        raw = run(read_source, engine, settings)
        say("checking the history against its contracts")
        try:
            report = run(check_source, raw, kept, engine=engine, last=last, store=store)
        except ContractError as error:
            refused = KeptCheck.refused_by_contract(
                error, raw, definitions_version=settings.definitions.version, checked_at=now()
            )
            keep_check(store.folder, refused, warn=warn)
            raise
    keep_check(store.folder, KeptCheck.of(report, checked_at=now()), warn=warn)
    return report


def _warn_of_second_meaning(store: Store, settings: Settings, *, warn: Say) -> None:
    try:
        refuse_second_meaning(store.folder, settings.definitions)
    except LeadScoreError as error:
        warn(f"nothing can be trained under the definitions of the settings file: {error}")


def read_source(engine: Engine, settings: Settings) -> RawHistory:
    """The raw history of the settings' source, read into `engine`."""
    source: HistorySource = source_of(settings)
    return source.read(engine)


def source_of(settings: Settings) -> SqlSource:
    """Where the settings say that history comes from."""
    crm = settings.crm
    return SqlSource(
        crm.source, folder=crm.sources_folder / crm.source, data_folder=crm.data_folder, reader=reader_of(settings)
    )


def check_source(
    raw: RawHistory, settings: Settings, *, engine: Engine, last: CheckReport | None, store: Store
) -> CheckReport:
    """The report on `raw`; the checked tables stay in `engine`, the Data Docs in the store."""
    return check_history(raw, settings, engine=engine, last=last, data_docs=store.data_docs).report


def _last_report(store: Store, *, warn: Say) -> CheckReport | None:
    """The report of the last accepted check; None where there is none, or none that can be read."""
    try:
        if not store.histories.is_there():
            return None
        with store.checked_history() as checked:
            return checked.report
    except LeadScoreError as error:
        warn(f"the last check's report cannot be read, so volumes and columns are not compared with it: {error}")
        return None
