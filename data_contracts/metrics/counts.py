"""How many leads got how far in a period, beside the period before, what is usual, and what was planned."""

from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span

REACHED = Formula(
    name="reached in the period",
    says="leads that first got so far within the period, each once",
)
USUAL = Formula(
    name="usual",
    says="where 95 of 100 such periods lie, by the mean and the spread of up to twelve periods before (negative "
    "binomial with their mean and variance; Poisson where they spread no more than chance); of at least four",
)
FORMULAS = (REACHED, USUAL)

COUNTS_SCHEMA = pa.schema(
    [
        pa.field("milestone", pa.string(), nullable=False),
        pa.field("reached", pa.int64(), nullable=False),
        pa.field("before", pa.int64()),
        *(pa.field(name, pa.float64()) for name in ("usual", "usual_low", "usual_high", "target")),
    ]
)
"""One milestone in one period.

| column | holds |
|---|---|
| `reached` | `REACHED` |
| `before` | the same of the period before, known as long after its end; missing where the history tells of a part |
| `usual` | the mean of the periods before, with the range `USUAL`; missing where fewer than four are there |
| `target` | what was planned for the period; missing where nothing was |
"""


@dataclass(frozen=True, slots=True, eq=False)
class StageCounts:
    """How many leads got how far in a period: `rows` of `COUNTS_SCHEMA`, in funnel order."""

    span: Span
    rows: pa.Table

    def row(self, milestone: str) -> dict[str, float | None] | None:
        """The row of `milestone`; None where the history never shows it."""
        found: list[dict[str, float | None]] = [row for row in self.rows.to_pylist() if row["milestone"] == milestone]
        return found[0] if found else None
