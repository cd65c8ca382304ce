"""A recalibration that is killed, or whose disk is full, leaves production as it was, and runs again to its end."""

import errno
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from data_contracts.errors import StoreError
from data_contracts.settings import Settings, load_settings
from models.registry import ReleaseRegistry
from pipelines.recalibrate import RecalibrationRun, recalibrate
from tests.pipelines.test_in_force import AT, CONFIG
from tests.pipelines.test_recalibrate_command import checked, registry

pytestmark = [pytest.mark.whole, pytest.mark.slow]
__all__ = ["checked"]

IN_MLFLOW = ("create_model_version", "set_registered_model_alias", "set_model_version_tag", "delete_model_version_tag")
"""What makes a version, moves an alias, and keeps the history."""

WRITES = ("version", "candidate", "verdict", "under way", "production", "entry", "no longer under way")
"""The writes of a recalibration, in order."""

N_STEPS = 10
"""Two tables, what a win brings, the past weeks, three mends, the release, the record, the gate."""

COMPUTED = (
    "build_table", "learn_amounts_of_wins", "past_leads", "recalibrated", "recalibrated_chain", "assemble_release",
)  # fmt: skip


class KilledError(BaseException):
    """The process ended here."""


class Steps:
    """Runs steps, what only computes once and for all; the process ends before step number `until`."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self.until: int | None = None
        self.n_done = 0

    def __call__(self, step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if self.n_done == self.until:
            raise KilledError
        self.n_done += 1
        if step.__name__ not in COMPUTED:
            return step(*arguments, **named)
        which = [str(one.transition) for one in arguments if hasattr(one, "transition")]
        key = f"{step.__name__} {named.get('transition', which)}"
        if key not in self._known:
            self._known[key] = step(*arguments, **named)
        return self._known[key]

    def ending_before(self, number: int | None) -> "Steps":
        """The same, from the first step."""
        self.until, self.n_done = number, 0
        return self


class FullAfter:
    """MLflow's client on a disk that is full after `n` of the writes that are named in `IN_MLFLOW`."""

    def __init__(self, client: Any, left: list[int]) -> None:
        self._client, self._left = client, left

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in IN_MLFLOW:
            return call

        def write(*arguments: Any, **named: Any) -> Any:
            if self._left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._left[0] -= 1
            return call(*arguments, **named)

        return write


@pytest.fixture(scope="module")
def steps() -> Steps:
    return Steps()


@pytest.fixture(scope="module")
def expected(checked: Path, steps: Steps, tmp_path_factory: pytest.TempPathFactory) -> RecalibrationRun:
    """What a recalibration makes where nothing disturbs it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "work"
    shutil.copytree(checked, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = run(load_settings(CONFIG), steps.ending_before(None))
    assert steps.n_done == N_STEPS
    return made


@pytest.fixture
def put_back(checked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Settings]:
    """`put_back()`: the settings of another copy of the working folder, as it was before the recalibration."""
    numbers = count()

    def put() -> Settings:
        folder = tmp_path / str(next(numbers))
        shutil.copytree(checked, folder)
        monkeypatch.chdir(folder)
        return load_settings(CONFIG)

    return put


def run(settings: Settings, steps: Steps) -> RecalibrationRun:
    return recalibrate(settings, created_at=AT, by="ops", run=steps)


def in_force(settings: Settings) -> str:
    """The release in production, whole: all its files are read. The history says the same."""
    kept = registry(settings)
    found = kept.load("production").manifest.release_id
    assert kept.history()[-1].release_id == found
    return found


def ends_well(settings: Settings, steps: Steps, expected: RecalibrationRun) -> None:
    """The same command once more; where production was mended already, there is nothing left to mend."""
    was_done = in_force(settings) == expected.release_id
    again = run(settings, steps.ending_before(None))
    assert again.release_id == (None if was_done else expected.release_id)
    assert in_force(settings) == expected.release_id
    entries = [entry.release_id for entry in registry(settings).history()]
    assert entries == ["trained", expected.release_id]
    released = [version.release_id for version in registry(settings).versions()]
    assert sorted(released) == sorted(entries)


def test_killed_before_any_of_its_steps_production_stays_and_the_next_run_ends_well(put_back, steps, expected):
    for number in range(N_STEPS):
        settings = put_back()
        with pytest.raises(KilledError):
            run(settings, steps.ending_before(number))
        assert in_force(settings) == "trained", f"killed before step {number}"
    ends_well(settings, steps, expected)


@pytest.mark.parametrize("write", ["version", "verdict", "production", "entry"])
def test_where_the_disk_is_full_production_is_whole_and_the_next_run_ends_well(
    write, put_back, steps, expected, monkeypatch
):
    client, left = ReleaseRegistry.__dict__["_client"].func, [WRITES.index(write)]
    settings = put_back()
    with monkeypatch.context() as patch:
        patch.setattr(ReleaseRegistry, "_client", property(lambda registry: FullAfter(client(registry), left)))
        with pytest.raises(StoreError, match="full"):
            run(settings, steps.ending_before(None))
    has_moved = WRITES.index(write) > WRITES.index("production")
    assert in_force(settings) == (expected.release_id if has_moved else "trained")
    ends_well(settings, steps, expected)
