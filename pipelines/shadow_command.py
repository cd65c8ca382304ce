"""The command about the switch: the old rule against the model on the same past."""

from datetime import datetime
from typing import Annotated

import typer

from pipelines.clock import in_utc
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of


def shadow(
    config: Config = DEFAULT_CONFIG,
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            help="`points` (the point rule, if there is one), `crm` (what moved leads to MQL), or a condition on an "
            "attribute: 'lead_points >= 50', 'rating = Hot, Warm'.",
        ),
    ] = None,
    weeks: Annotated[
        int | None, typer.Option("--weeks", min=1, help="How many weeks of the past; else 26, or as many as there are.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", help="Where the weeks end (UTC), so that wins are known; else at the extract."),
    ] = None,
    train_every_weeks: Annotated[
        int, typer.Option("--train-every-weeks", min=1, help="After how many weeks models are made anew.")
    ] = 4,
    as_json: AsJson = False,
) -> None:
    """Set the old rule against the model on the same past, before you switch.

    Who would enter MQL and who would leave it, and what that would have brought in SQLs, wins and revenue. Every week
    is scored by models that knew nothing of it. The lists and weeks are kept in the store.

    Example: leadscore shadow --weeks 26 --rule crm --until 2026-02-01
    """
    from pipelines import console, display
    from pipelines.shadow import shadow as compare
    from pipelines.store import Store

    settings = settings_of(config, None)
    with console.working("shadow") as say:
        report = compare(
            settings,
            rule=rule,
            weeks=weeks,
            until=in_utc(until),
            train_every_weeks=train_every_weeks,
            say=say,
            warn=console.warn,
        )
    display.shadow(report, Store.of(settings), as_json=as_json)
