"""The folder of Data Docs: the pages of the last runs, which each run takes over and adds its own to.

`index.html` lists the runs. `runs/<name>/` has the pages of one, and its card, `run.json`, from which the list is made.
"""

import datetime as dt
import errno
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from pydantic import TypeAdapter

from data_contracts.check.data_docs import RunCard, RunTold, history_page, run_page
from data_contracts.keeping import kept_folder

RUNS_KEPT = 30
"""A month of nightly checks: who asks since when a rule fails looks back weeks, and a run takes less than 1 MB."""

_RUNS, _INDEX, _CARD = "runs", "index.html", "run.json"
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}(-\d+)?")
_CARDS = TypeAdapter(RunCard)
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}


def keep_run(data_docs: Path, run: RunTold, *, write_pages: Callable[[Path], None]) -> None:
    """Add `run` to the folder `data_docs`, which is replaced as a whole; `write_pages` writes the pages on its tables.

    The last `RUNS_KEPT` runs stay. What is there and is no run of ours, or a damaged one, is left behind.
    """
    with kept_folder(data_docs) as version:
        runs = version / _RUNS
        runs.mkdir()
        cards = dict(_taken_over(data_docs / _RUNS, runs, at_most=RUNS_KEPT - 1))
        name = _free_name(run.judged_at, cards)
        folder = runs / name
        folder.mkdir()
        write_pages(folder)
        (folder / _INDEX).write_text(run_page(run), encoding="utf-8")
        (folder / _CARD).write_bytes(_CARDS.dump_json(run.card))
        cards[name] = run.card
        newest_first = dict(sorted(cards.items(), key=lambda item: (item[1].judged_at, item[0]), reverse=True))
        (version / _INDEX).write_text(history_page(newest_first), encoding="utf-8")


def _free_name(judged_at: dt.datetime, taken: Collection[str]) -> str:
    """A name for the run: its second, with a number where another run was judged in the same one."""
    name, n = f"{judged_at:%Y-%m-%dT%H%M%S}", 1
    while (free := name if n == 1 else f"{name}-{n}") in taken:
        n += 1
    return free


def _taken_over(earlier: Path, runs: Path, *, at_most: int) -> Iterator[tuple[str, RunCard]]:
    """The newest runs in the folder `earlier`, by name, whose pages are now in the folder `runs` too."""
    n_taken = 0
    for folder, card in sorted(_readable(earlier), key=lambda found: (found[1].judged_at, found[0].name), reverse=True):
        if n_taken < at_most and _is_taken_over(folder, runs / folder.name):
            n_taken += 1
            yield folder.name, card


def _readable(earlier: Path) -> Iterator[tuple[Path, RunCard]]:
    """The runs in the folder `earlier` of which the card can be read."""
    try:
        folders = [folder for folder in earlier.iterdir() if _NAME.fullmatch(folder.name) and not folder.is_symlink()]
    except OSError:
        return  # there is none, or the pages are of a version that kept one run
    for folder in folders:
        try:
            card = _CARDS.validate_json((folder / _CARD).read_bytes())
        except (OSError, ValueError):
            continue
        if card.judged_at.tzinfo is None and (folder / _INDEX).is_file():
            yield folder, card


def _is_taken_over(folder: Path, into: Path) -> bool:
    """Whether all pages of a run could be taken over; where not, nothing is left of them."""
    try:
        into.mkdir()
        for file in folder.iterdir():
            if (file.suffix == ".html" or file.name == _CARD) and file.is_file() and not file.is_symlink():
                _link_or_copy(file, into / file.name)
    except OSError as error:
        if error.errno in _DISK_IS_FULL:
            raise
        shutil.rmtree(into, ignore_errors=True)
        return False
    return True


def _link_or_copy(file: Path, to: Path) -> None:
    try:
        to.hardlink_to(file)  # no page is written twice, so two versions may share it
    except OSError:
        shutil.copyfile(file, to)
