"""Checked history in, the labelled table of a transition out: what training, backtest and leak reports begin with."""

from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.build import build_training_table


def build_table(
    engine: Engine, history: CrmHistory, settings: Settings, *, transition: Transition, say: Say = silent
) -> LabelledTable:
    """The labelled table of `transition`, with a line on what was learnt from and what was left out."""
    say(f"{transition}: features as they were known")
    table = build_training_table(engine, history, settings, transition=transition)
    counts = ", ".join(f"{n:,} {status.replace('_', ' ')}" for status, n in table.counts.items())
    say(f"{transition}: snapshots {counts}")
    return table
