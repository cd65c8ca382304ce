"""What is wrong with settings, in words: each problem in a line with its place, and what may be meant instead."""

import difflib
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from data_contracts.errors import SettingsError
from data_contracts.renamed_settings import Place, moved, new_place, remade


def refusal(path: Path, error: ValidationError, kind: type[BaseModel], *, under: Place = ()) -> SettingsError:
    """The error that lists every problem of the settings in the file `path`; the rest as in `problems_of`."""
    problems = problems_of(error, kind, under=under)
    lines = "\n".join(f"  - {problem}" for problem in problems)
    return SettingsError(f"{path} has {len(problems)} problem(s):\n{lines}")


def problems_of(error: ValidationError, kind: type[BaseModel], *, under: Place = ()) -> tuple[str, ...]:
    """Every problem of `error` in a line, `place: what is wrong`, in order.

    A setting that is missing because it is given under the name of before counts once, under that name.

    Parameters
    ----------
    kind
        The settings that were validated.
    under
        Where they stand in a settings file: `("definitions",)` for definitions alone.
    """
    places = [((*under, *problem["loc"]), problem) for problem in error.errors()]
    renamed = [new for place, problem in places if (new := _renamed(place, problem)) is not None]
    return tuple(
        f"{_dotted(place)}: {_told(problem, place, kind)}"
        for place, problem in places
        if not (problem["type"] == "missing" and any(new[: len(place)] == place for new in renamed))
    )


def _told(problem: ErrorDetails, place: Place, kind: type[BaseModel]) -> str:
    """What is wrong, and for an unknown setting what it is called now or may be meant to be."""
    if (new := _renamed(place, problem)) is not None:
        return f"this setting is now {_dotted(new)}"
    if problem["type"] == "extra_forbidden" and (told := moved(place)) is not None:
        return told
    if problem["type"] in ("dict_type", "extra_forbidden") and (told := remade(place)) is not None:
        return told
    if problem["type"] != "extra_forbidden":
        return problem["msg"]
    *section, name = problem["loc"]
    known = _settings_in(section, kind)
    alike = difflib.get_close_matches(str(name), known, n=1)
    if alike:
        return f"there is no such setting; did you mean {alike[0]}?"
    return f"there is no such setting; there are {', '.join(known)}"


def _renamed(place: Place, problem: ErrorDetails) -> tuple[str | int, ...] | None:
    return new_place(place) if problem["type"] == "extra_forbidden" else None


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


def _settings_in(section: Place, kind: Any) -> list[str]:
    """The names of the settings in `section`, a path of keys from `kind`."""
    for key in section:
        kind = _of_key(kind, key)
    return list(kind.model_fields)


def _of_key(kind: Any, key: str | int) -> Any:
    """The type of what is under `key` in a section, a table or a list of the type `kind`."""
    if _is_section(kind):
        inside = kind.model_fields[key].annotation
        sections = [each for each in get_args(inside) if _is_section(each)]
        return sections[0] if sections and type(None) in get_args(inside) else inside
    return get_args(kind)[1 if get_origin(kind) is dict else 0]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
