"""Every version of the definitions that figures were published under, kept in the store.

So a figure of the past can be judged by what was agreed then, and a version never means two things. One version is one
file, `definitions/<version>.json` in the store: the agreement as readable JSON. It is written once and never changed.
"""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from data_contracts.configuration import definitions_differences
from data_contracts.definitions import Definitions
from data_contracts.disk import disk_errors
from data_contracts.errors import SettingsError, StoreError
from data_contracts.keeping import held, kept_file
from data_contracts.setting_problems import refusal

FOLDER = "definitions"

WAIT_SECONDS = 30.0
"""Keeping takes a moment, so a run waits for another that does it instead of giving up."""

_REMEDY = "put it back from a copy of the store, or remove it: the next run under that version keeps it anew"


def keep_definitions(store_folder: Path, definitions: Definitions, *, by: str) -> None:
    """Keep `definitions` in the store at `store_folder`; nothing is written where they are kept already.

    Every run that publishes figures under definitions does so first. `by` is its command ("leadscore train").

    Raises
    ------
    SettingsError
        Where other definitions are kept under the same version. It names what differs, old -> new.
    StoreError
        Where the kept file is damaged, or nothing can be written.
    """
    path = _path(store_folder, definitions.version)
    if not path.exists():
        folder = path.parent
        with disk_errors(path), held(folder, by=by, wait_seconds=WAIT_SECONDS):
            folder.mkdir(exist_ok=True)
            if not path.exists():
                with kept_file(path, within=folder) as aside:
                    aside.write_text(_text(definitions), encoding="utf-8")
    refuse_second_meaning(store_folder, definitions)


def refuse_second_meaning(store_folder: Path, definitions: Definitions) -> None:
    """Refuse `definitions` whose version is kept with another content. Raises as `keep_definitions`."""
    path = _path(store_folder, definitions.version)
    if path.exists() and (differing := definitions_differences(_read(path), definitions)):
        raise SettingsError(
            f"definitions {definitions.version} are kept in {path} and were agreed otherwise there: "
            f"{', '.join(differing)}; raise `version` in [definitions], so that no version means two things"
        )


def definitions_kept(store_folder: Path) -> tuple[Definitions, ...]:
    """Every version that the store at `store_folder` keeps, by the day from which it holds.

    Of versions that hold from the same day the higher one comes later, its numbers compared as numbers: 2026.10 after
    2026.9. So the order is in the agreements themselves, and not in which run came first.

    Raises
    ------
    StoreError
        Where a file is damaged; it names the file.
    SettingsError
        Where a file holds what is no setting any more; it names the file and each setting, with its new name.
    """
    paths = sorted((store_folder / FOLDER).glob("*.json"))
    return tuple(sorted(map(_read, paths), key=_order))


def definitions_at(store_folder: Path, day: dt.date) -> Definitions:
    """What was agreed for `day`: the last of `definitions_kept` that holds from that day or from one before.

    A correction that holds from the same day as the version before thus takes its place from then on. Raises
    `SettingsError` where none holds yet on `day`, otherwise as `definitions_kept`.
    """
    kept = definitions_kept(store_folder)
    if not kept:
        raise SettingsError(f"no definitions are kept in {store_folder}; run `leadscore train` first")
    held_then = [agreed for agreed in kept if agreed.effective_from <= day]
    if not held_then:
        first = kept[0]
        raise SettingsError(
            f"no definitions were in effect on {day}: the earliest that are kept are {first.version}, effective from "
            f"{first.effective_from}; name that day or a later one"
        )
    return held_then[-1]


def _path(store_folder: Path, version: str) -> Path:
    """The file of `version`, whatever signs are in it: no two versions have one name, and none leads elsewhere."""
    return store_folder / FOLDER / f"{quote(version, safe=' ')}.json"


def _text(definitions: Definitions) -> str:
    return json.dumps(definitions.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _read(path: Path) -> Definitions:
    with disk_errors(path):
        content = _content(path)
    try:
        read = Definitions.model_validate(content)
    except ValidationError as error:
        raise refusal(path, error, Definitions, under=("definitions",)) from None
    if path.name != _path(path.parent, read.version).name:
        raise StoreError(f"{path} holds definitions {read.version} under the name of another version; {_REMEDY}")
    return read


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise StoreError(f"{path} is damaged: it holds no definitions as JSON; {_REMEDY}")
    return content


def _order(definitions: Definitions) -> tuple[dt.date, list[str | int], str]:
    # Words and numbers take turns, beginning with a word, so what is compared is always of one kind.
    parts = re.split(r"([0-9]+)", definitions.version)
    numbered: list[str | int] = [int(part) if place % 2 else part for place, part in enumerate(parts)]
    return definitions.effective_from, numbered, definitions.version
