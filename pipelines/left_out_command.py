"""The command about rows that the settings leave out."""

from typing import Annotated

import typer

from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of


def left_out(
    config: Config = DEFAULT_CONFIG,
    name: Annotated[str, typer.Option("--name", help="Only what is left out under this name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show rows of the last check that [[crm.left_out]] leaves out, as they were delivered.

    Example: leadscore left-out --name "mail scanners" --limit 5
    """
    from pipelines import display
    from pipelines.store import Store

    rows = Store.of(settings_of(config, None)).left_out(name=name, limit=limit)
    display.left_out(rows, as_json=as_json)
