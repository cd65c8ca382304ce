"""`docs/walkthrough.md` is what the code says about one lead of the run that all tests share.

`UPDATE_WALKTHROUGH=1 make test` writes the page anew.
"""

import os
import re
from pathlib import Path

import pytest

from data_contracts.traces import as_text
from pipelines.score import trace_lead_in

PAGE = Path(__file__).parents[2] / "docs" / "walkthrough.md"
LEAD = "L-0010931"
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
RELEASE = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{8}")


def test_the_walkthrough_is_what_trace_says(in_workspace):
    traced = as_text(trace_lead_in(in_workspace.settings, LEAD, release="production"))
    if os.environ.get("UPDATE_WALKTHROUGH"):
        PAGE.write_text(page_of(traced, in_workspace), encoding="utf-8")
    written, expected = PAGE.read_text(encoding="utf-8"), page_of(traced, in_workspace)
    assert words(written) == words(expected)
    assert numbers(written) == pytest.approx(numbers(expected), rel=0.05, abs=0.02)


def page_of(traced, workspace):
    """The whole page around the trace."""
    return f"""# Walkthrough: one lead from CRM row to written-back score

The nouns of the system in order, as `leadscore trace {LEAD}` prints them for a lead of a simulated CRM
(`leadscore simulate --leads {workspace.n_leads} --seed {workspace.seed}`, then `check`, `train`, `score`, `publish`).
The tests hold this page to the code.

```
{traced.rstrip()}
```
"""


def words(text):
    """The text without what differs in the last digit from one processor to another."""
    return NUMBER.sub("#", RELEASE.sub("RELEASE", re.sub(r"fingerprint.*", "", text)))


def numbers(text):
    """The figures in the text."""
    plain = RELEASE.sub("", re.sub(r"fingerprint.*", "", text))
    return [float(number.replace(",", "")) for number in NUMBER.findall(plain)]
