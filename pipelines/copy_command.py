"""The command that copies a CRM's database, for runs on data of today."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.options import AsJson

if TYPE_CHECKING:  # the command line starts fast
    from crm.database_copy import CopiedTable


def copy(
    to: Annotated[Path, typer.Option("--to", help="The folder of the copy, such as data/ours.")],
    address: Annotated[
        str,
        typer.Option(
            "--from",
            envvar="LEADSCORE_DATABASE_URL",
            help="The database: sqlite:///crm.db, postgresql://user@host/crm, with ?schema=NAME for another schema.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Copy a CRM's database to files: each table and view as it stands now, but for columns of names and phones.

    `leadscore init --data DATABASE` begins with such a copy; this makes it anew, before a check. The old copy stands
    until the new one is whole. An address with a password belongs in LEADSCORE_DATABASE_URL, where no list of processes
    shows it.

    Example: leadscore copy --from sqlite:///crm.db --to data/ours
    """
    from crm.database_copy import copy_database
    from data_contracts.settings import project_folder
    from pipelines import console

    with console.working("copy") as say:
        tables = copy_database(address, project_folder() / to, say=say)
    if as_json:
        console.show_json([asdict(table) for table in tables])
        return
    console.show_rows([_row(table) for table in tables], title=f"Copied to {to}")


def _row(table: "CopiedTable") -> dict[str, str]:
    return {"table": table.name, "rows": f"{table.n_rows:,}", "left out": ", ".join(table.left_out)}
