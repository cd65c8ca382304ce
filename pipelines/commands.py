"""The commands that live in modules of their own, in the order in which `leadscore --help` lists them."""

from pipelines.call_commands import calls, decline
from pipelines.copy_command import copy
from pipelines.dispute_command import dispute
from pipelines.init_command import init
from pipelines.lead_commands import changes, trace
from pipelines.left_out_command import left_out
from pipelines.page_commands import pages
from pipelines.plan_command import plan
from pipelines.release_commands import promote, releases, revert
from pipelines.review_command import review
from pipelines.shadow_command import shadow
from pipelines.threshold_commands import thresholds

COMMANDS = (
    calls,
    changes,
    copy,
    decline,
    dispute,
    init,
    left_out,
    pages,
    plan,
    promote,
    releases,
    revert,
    review,
    shadow,
    thresholds,
    trace,
)
