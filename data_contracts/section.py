"""What every part of a settings file is: frozen, and nothing but what it names."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]

_PATTERN_SIGNS = "[]*?"


class Section(BaseModel):
    """A part of a settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _literal(folder: Path) -> Path:
    signs = sorted(set(_PATTERN_SIGNS) & set(str(folder)))
    if signs:
        raise ValueError(
            f"{str(folder)!r} holds {' '.join(signs)}: the engine would take it for a pattern and read another "
            "folder; rename the folder"
        )
    return folder


Folder = Annotated[Path, AfterValidator(_literal)]
"""A relative one is in the project folder: `LEADSCORE_HOME` where it is set, else the working folder."""
