import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import environment
from benchmarks.models.environment import INSTALLED, REQUIREMENTS, peers_python, versions_in


def test_an_environment_of_the_same_requirements_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    (tmp_path / INSTALLED).write_text(hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest())
    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: pytest.fail("something was installed"))
    assert peers_python(tmp_path) == tmp_path / "bin" / "python"


def test_an_environment_of_other_requirements_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(environment.subprocess, "run", lambda command, **_: commands.append(command))
    (tmp_path / INSTALLED).write_text("of others")
    peers_python(tmp_path)
    assert [command[2] for command in commands] == ["venv", "pip"]
    assert commands[1][-2:] == ["-r", str(REQUIREMENTS)]
    assert (tmp_path / INSTALLED).read_text() == hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def test_every_requirement_is_pinned_and_none_names_an_index() -> None:
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    assert all(line.count("==") == 1 and not line.startswith("-") for line in lines)
    assert not any(line.startswith("torch==") for line in lines)


def test_versions_are_those_of_the_libraries_that_are_there() -> None:
    assert versions_in(Path(sys.executable), ["numpy", "no-such-library"]) == {"numpy": np.__version__}
