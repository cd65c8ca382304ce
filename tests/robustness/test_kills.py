"""A process that is killed takes nothing with it, and the same command completes its work.

`python -m tests.robustness.kills 30` kills each step thirty times and prints a table.
"""

import os
import random

import pytest

from tests.robustness.kills import kill, moments
from tests.robustness.workshop import STEPS

N_KILLS = int(os.environ.get("LEADSCORE_KILLS", "2"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_step_leaves_the_last_good_state_and_is_completed_by_the_same_command(workshop, step):
    rng = random.Random(step)  # noqa: S311
    killed = [kill(workshop, step, moment) for moment in moments(workshop, step, n=N_KILLS, rng=rng)]
    trouble = [f"{step}, killed {each.moment}: {what}" for each in killed for what in each.trouble]
    assert not trouble, "\n".join(trouble)
