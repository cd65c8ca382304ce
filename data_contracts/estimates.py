"""A figure with its interval, and how frozen records are kept as JSON."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that is kept as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Estimate(Record):
    """A figure with its 95 % interval. `value` is None where the figure is not defined (one outcome only)."""

    value: float | None
    low: float | None
    high: float | None
