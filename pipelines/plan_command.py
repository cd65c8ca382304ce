"""The command that works a target backwards: how many leads, MQLs and SQLs a week it takes."""

from datetime import datetime
from typing import Annotated

import typer

from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of

_DAY = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}


def plan(
    by: Annotated[datetime, typer.Option("--by", help="The last day that counts.", **_DAY)],
    customers: Annotated[int | None, typer.Option("--customers", help="How many customers are to be won.")] = None,
    revenue: Annotated[
        float | None, typer.Option("--revenue", help="Or what they are to bring, in the currency of the settings.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", help="The first day that counts: customers won since then count too; else the extract.", **_DAY
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Work a target backwards: the leads, MQLs and SQLs a week that reach it, by source, with cost and capacity.

    Measured rates, delays and amounts are simulated, after what is under way. It also says until when the target can
    be reached.

    Example: leadscore plan --customers 40 --by 2027-03-31
    """
    from alignment.milestones import milestones_of
    from alignment.plan import plan as worked_backwards
    from data_contracts.metrics.plan import Target
    from pipelines import console, plan_report
    from pipelines.store import Store

    settings = settings_of(config, None)
    target = Target(customers=customers, revenue=revenue, since=since.date() if since else None, by=by.date())
    with console.working("plan") as say, Store.of(settings).checked_history() as checked:
        say("when each lead got how far")
        milestones = milestones_of(checked.history, settings)
        say("draws of rates, delays and amounts")
        made = worked_backwards(checked.history, milestones, target)
    if as_json:
        console.show_json(made.model_dump(mode="json"))
        return
    plan_report.show_plan(made)
