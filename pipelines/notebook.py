"""What a notebook begins with: the settings, open leads as a frame, and the past with its outcomes."""

import pandas as pd

from data_contracts.check import open_checked
from data_contracts.settings import Settings, load_settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.build import build_features
from features.snapshots import scoring_snapshots
from pipelines.in_force import refuse_lacking_attributes
from pipelines.store import Store
from pipelines.tables import build_table

__all__ = ["labelled_table", "load_settings", "open_leads"]


def labelled_table(settings: Settings, transition: str) -> LabelledTable:
    """The past of `transition` ("mql_to_sql") with its outcomes, from the checked history of `settings`.

    It is what `leadscore train` learns from. Raises `SourceError` where nothing was checked yet, or the history lacks a
    declared attribute, and `ValueError` where there is no such transition.
    """
    store = Store.of(settings)
    with store.open_history() as engine:
        history = open_checked(engine).history
        refuse_lacking_attributes(history, settings)
        return build_table(engine, history, settings, transition=Transition(transition))


def open_leads(settings: Settings) -> pd.DataFrame:
    """Every open lead with what is known of it at the extract, one column a feature.

    Raises `SourceError` as `labelled_table` does.
    """
    with Store.of(settings).checked_history() as checked:
        refuse_lacking_attributes(checked.history, settings)
        snapshots = scoring_snapshots(checked.history, settings.definitions, as_of=checked.history.extracted_at)
        return build_features(checked.history, snapshots, settings=settings).to_pandas()
