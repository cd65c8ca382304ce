"""How a model is made, in words that a release keeps: what can be fitted again on other leads."""

from dataclasses import dataclass, replace
from typing import cast

from data_contracts.evaluation_table import BLEND
from data_contracts.releases import Candidate
from models.calibrate import CalibratorName
from models.estimators import EstimatorName, Setting

NEVER = "never"
"""What a release says of the half-life of rows that keep their weight."""

ALL = "all"
"""What a release says of the days that are learnt from where no row is too old."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The estimators of a model, the rows they learn from, and the calibrator that follows.

    Attributes
    ----------
    settings
        One estimator; or several, of which the mean log-odds are taken.
    recent_days
        The days before the last training row that are learnt from; None for all.
    half_life_days
        The days after which a row weighs half; None where old rows weigh as new ones do.
    young
        Whether leads whose horizon has not passed are learnt from, as far as their ending is known.
    """

    settings: tuple[Setting, ...]
    recent_days: float | None = None
    half_life_days: float | None = None
    young: bool = False
    calibrator: CalibratorName = "none"

    @classmethod
    def of(cls, candidate: Candidate) -> "Recipe":
        """The recipe that `candidate` of a release was made by: what `estimator` and `parameters` say, read back."""
        told = dict(candidate.parameters)
        recent, half_life, young = (told.pop(name) for name in ("recent_days", "half_life_days", "young"))
        parts: dict[str, dict[str, float | int | str]] = {}
        for name, value in told.items():
            part, parameter = name.split(".") if candidate.estimator == BLEND else (candidate.estimator, name)
            parts.setdefault(part, {})[parameter] = value
        settings = tuple(Setting(cast(EstimatorName, part), tuple(named.items())) for part, named in parts.items())
        calibrator = cast(CalibratorName, candidate.calibrator)
        return cls(
            settings,
            recent_days=None if recent == ALL else float(recent),
            half_life_days=None if half_life == NEVER else float(half_life),
            young=young == "weighted",
            calibrator=calibrator,
        )

    @property
    def estimator(self) -> str:
        """The estimator's name, or `blend`."""
        return BLEND if len(self.settings) > 1 else self.settings[0].estimator

    @property
    def parameters(self) -> dict[str, float | int | str]:
        """Everything else by name, but for the calibrator; those of the parts of a blend begin with the part's name."""
        named: dict[str, float | int | str] = {}
        for setting in self.settings:
            prefix = f"{setting.estimator}." if len(self.settings) > 1 else ""
            named |= {f"{prefix}{name}": value for name, value in setting.parameters}
        return named | {
            "recent_days": ALL if self.recent_days is None else self.recent_days,
            "half_life_days": NEVER if self.half_life_days is None else self.half_life_days,
            "young": "weighted" if self.young else "left out",
        }

    def with_calibrator(self, name: CalibratorName) -> "Recipe":
        """The same with another calibrator."""
        return replace(self, calibrator=name)

    def described(self) -> str:
        """In a few words, for whoever watches."""
        parts = (
            f"{setting.estimator} ({', '.join(f'{name}={_short(value)}' for name, value in setting.parameters)})"
            for setting in self.settings
        )
        rows = "" if self.recent_days is None else f", the latest {self.recent_days:g} days"
        decay = "" if self.half_life_days is None else f", weight halved every {self.half_life_days:g} days"
        return " + ".join(parts) + rows + decay + (", young leads too" if self.young else "")


def _short(value: float | int | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
