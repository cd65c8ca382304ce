"""Two commands on one store: each succeeds or says who is at work, and what is kept is that of one run.

The first is stopped in the middle of its work while the second runs, which is what a busy machine does now and then.
"""

import re
import signal
import time

import pytest

from tests.robustness.kills import told_of_state
from tests.robustness.workshop import BEFORE, STEPS, kept_in, names_in, wait_for_change

BUSY = 10
LONGEST_STOP_SECONDS = 30
PAIRS = [
    ("check", "check"), ("first train", "first train"), ("train", "train"), ("score", "score"), ("publish", "publish"),
    ("publish", "score"), ("check", "score"),
]  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def together(workshop, first, second, *, stopped_at):
    """How both commands ended, where the first was stopped at a change of a file until the second had ended."""
    workshop.put(BEFORE[first])
    one = workshop.start(STEPS[first], name="first")
    for _ in range(stopped_at):
        wait_for_change(one, workshop.store.folder)
    if stopped_at:
        one.send(signal.SIGSTOP)
    other = workshop.start(STEPS[second], name="second")
    until = time.monotonic() + LONGEST_STOP_SECONDS
    while stopped_at and other.is_alive and time.monotonic() < until:
        time.sleep(0.01)
    one.send(signal.SIGCONT)
    return one.ended(), other.ended()


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7], ids=["at once", "stopped early", "stopped late"])
def test_each_succeeds_or_names_who_is_at_work_and_one_run_s_files_are_kept(workshop, first, second, part):
    expected, names, times = workshop.undisturbed(first)
    workshop.put(BEFORE[first])
    before = kept_in(workshop.store)
    ran = together(workshop, first, second, stopped_at=round(part * (len(times) - 1)))
    trouble = []
    for each in ran:
        if each.code not in {0, BUSY}:
            trouble.append(f"ended with {each.code}: {each.said.strip()[-300:]}")
        elif each.code == BUSY and not re.search(r"leadscore \w+ \(process \d+", each.said):
            trouble.append(f"does not say who is at work: {each.said.strip()[-300:]}")
    trouble += told_of_state(before, kept_in(workshop.store), expected)[1]
    if all(each.code for each in ran):
        trouble.append("neither succeeded")
    left = names_in(workshop.store.folder) - names
    trouble += [f"left over: {', '.join(sorted(left.elements()))}"] if left else []
    assert not trouble, "\n".join(trouble)
