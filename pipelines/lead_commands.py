"""The commands about one lead: its way, and why its score moved."""

from datetime import datetime
from typing import Annotated

import typer

from pipelines.clock import in_utc
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, Release, settings_of

Lead = Annotated[str, typer.Argument(help="The lead's id in the CRM.")]


def trace(
    lead: Lead, config: Config = DEFAULT_CONFIG, release: Release = "production", as_json: AsJson = False
) -> None:
    """Tell one lead's whole way, from CRM row to written-back score.

    Example: leadscore trace L-0000123
    """
    from pipelines import console, display
    from pipelines.score import trace_lead_in

    traced = trace_lead_in(settings_of(config, None), lead, release=release, warn=console.warn)
    display.trace(traced, as_json=as_json)


def changes(
    lead: Lead,
    since: Annotated[
        datetime | None,
        typer.Option("--since", help="From the last score published up to then (UTC); else the one before."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", help="To the last score published up to then (UTC); else the score now."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    release: Release = "production",
    as_json: AsJson = False,
) -> None:
    """Say why a lead's score moved: corrections, time, new facts, definitions, model, threshold. The parts add up.

    Example: leadscore changes L-0000123 --since 2026-06-01
    """
    from pipelines import console, display
    from pipelines.one_lead import changes_of

    told = changes_of(
        settings_of(config, None),
        lead,
        since=in_utc(since),
        until=in_utc(until),
        release=release,
        warn=console.warn,
    )
    display.score_changes(told, as_json=as_json)
