"""Rows to calibrated probabilities, evaluated and kept.

In a notebook, `from models import train_transition, compare` and the other names of `__all__`; each is imported
when it is first asked for, so that the command line starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_contracts.evaluations import Evaluation
    from data_contracts.thresholds import Thresholds
    from models.artefacts import load_release, save_release
    from models.chain import win_probabilities
    from models.comparison import Comparison, compare
    from models.fitted import FittedTransition, ScoringRelease
    from models.gate import may_promote
    from models.grades import grade
    from models.registry import ReleaseRegistry
    from models.release import assemble_release, inputs_of
    from models.thresholds import choose_thresholds
    from models.train import backtest_transition, train_transition
    from models.versions import ReleaseVersion
else:

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"models has no {name!r}; it offers {', '.join(__all__)}")


__all__ = [
    "Comparison",
    "Evaluation",
    "FittedTransition",
    "ReleaseRegistry",
    "ReleaseVersion",
    "ScoringRelease",
    "Thresholds",
    "assemble_release",
    "backtest_transition",
    "choose_thresholds",
    "compare",
    "grade",
    "inputs_of",
    "load_release",
    "may_promote",
    "save_release",
    "train_transition",
    "win_probabilities",
]

_HOMES = {
    "data_contracts.evaluations": ("Evaluation",),
    "data_contracts.thresholds": ("Thresholds",),
    "models.artefacts": ("load_release", "save_release"),
    "models.chain": ("win_probabilities",),
    "models.comparison": ("Comparison", "compare"),
    "models.fitted": ("FittedTransition", "ScoringRelease"),
    "models.gate": ("may_promote",),
    "models.grades": ("grade",),
    "models.registry": ("ReleaseRegistry",),
    "models.release": ("assemble_release", "inputs_of"),
    "models.thresholds": ("choose_thresholds",),
    "models.train": ("backtest_transition", "train_transition"),
    "models.versions": ("ReleaseVersion",),
}


def __dir__() -> list[str]:
    return [*globals(), *__all__]
