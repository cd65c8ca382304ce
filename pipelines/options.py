"""What commands have in common: their options, and the settings these name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # the command line starts fast
    from data_contracts.settings import Settings

Config = Annotated[
    Path, typer.Option("--config", envvar="LEADSCORE_CONFIG", help="The settings file.", show_default=True)
]
Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="LEADSCORE_DATA", help="Folder of the source's files, if not the settings'."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Release = Annotated[str, typer.Option("--release", help="`production`, `candidate` or a version number.")]
Because = Annotated[str, typer.Option("--because", help="Why; kept in the history and shown by `releases`.")]
DEFAULT_CONFIG = Path("config/scoring.toml")


def settings_of(config: Path, data: Path | None) -> "Settings":
    """The settings in the file `config`, with the data folder `data` in place of theirs if given."""
    from data_contracts.settings import load_settings

    return load_settings(config, data_folder=data)
