"""What commands have in common: their options, and the settings these name."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_contracts.errors import SettingsError

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


_ADDRESS = re.compile(r"[a-z][a-z0-9+._-]+:/", re.IGNORECASE)


def settings_of(config: Path, data: Path | None) -> "Settings":
    """The settings in the file `config`, with the data folder `data` in place of theirs if given."""
    from data_contracts.settings import load_settings

    if data is not None and is_address(str(data)):
        raise SettingsError(
            "--data is a folder here and not the address of a database; copy it to one with `leadscore copy`"
        )
    return load_settings(config, data_folder=data)


def is_address(data: str) -> bool:
    """Whether what `--data` names is a database rather than a folder. It may hold a password: show it to nobody.

    >>> [is_address(data) for data in ("sqlite:///crm.db", "postgresql+psycopg://me@host/crm", "data/crm", "C:/crm")]
    [True, True, False, False]
    """
    return _ADDRESS.match(data) is not None
