"""The commands about the call list: whom sales has, who waits, and a seller's "not this one"."""

from typing import Annotated

import typer

from pipelines.clock import now
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of


def calls(
    config: Config = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many leads of each kind to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the call list of the last scoring: who is handed off, who waits and until when.

    Publishing makes it hold: the places of the capacity are then taken, and sales' clock runs.

    Example: leadscore calls --limit 50
    """
    from pipelines import display
    from pipelines.score import call_list_of
    from pipelines.store import Store

    settings = settings_of(config, None)
    display.calls(call_list_of(settings), Store.of(settings).scores, limit=limit, as_json=as_json)


def decline(
    lead: Annotated[str, typer.Argument(help="The lead's id in the CRM.")],
    because: Annotated[str, typer.Option("--because", help="Why; kept in the history.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Say "not this one" of a lead that was handed off: it is nurtured until its recheck date.

    No model learns from it: it does not say whether the lead would have converted. It holds from the next scoring on.

    Example: leadscore decline L-0000123 --because "a student"
    """
    from pipelines.console import show
    from pipelines.promote import who
    from pipelines.score import score_history_of

    settings = settings_of(config, None)
    score_history_of(settings).decline(lead, at=now(), by=who(), because=because)
    days = settings.policy.recheck_after_days
    show(f"{lead} is declined: from the next scoring on it is nurtured, and looked at again after {days} days")
