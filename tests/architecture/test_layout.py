"""The layout keeps the promises that the architecture rests on."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.features.spec_files import all_specs

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "data_contracts", "engines", "crm", "features", "models", "serving", "alignment", "pages",
    "simulation", "pipelines",
]  # fmt: skip
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_import_contracts_hold():
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def test_no_installed_distribution_but_ours_provides_our_package_names():
    providers = packages_distributions()
    assert {name: set(providers.get(name, [])) - {"leadscore"} for name in PACKAGES} == {
        name: set() for name in PACKAGES
    }


def test_no_module_in_pipelines_shadows_a_top_level_package_or_the_standard_library():
    names = {path.stem for path in (ROOT / "pipelines").glob("*.py")} - {"__init__"}
    assert not names & set(PACKAGES)
    assert not names & set(sys.stdlib_module_names)


def test_tests_are_no_packages_and_their_modules_have_unique_names():
    assert not list((ROOT / "tests").rglob("__init__.py"))
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_each_spec_file_is_named_like_a_module_of_features_and_some_test_runs_it():
    """A module has its `test_<module>.py`, or its features their `specs/<module>.txt`, which `test_specs` runs."""
    modules = {path.stem for path in (ROOT / "features").glob("*.py")}
    files = {spec.file.removesuffix(".txt") for spec in all_specs()}
    assert sorted(files - modules) == []
    run_by_test_specs = {spec.file.removesuffix(".txt") for spec in all_specs() if "features" in spec.tables}
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "features").glob("test_*.py"))
    assert [name for name in sorted(files - run_by_test_specs) if f'specs_of("{name}")' not in tests] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_at_most_400_lines(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("prefect", {"pipelines/flows.py"}),
        (
            "mlflow",
            {"models/local_store.py", "models/recorded_releases.py", "models/registry.py", "models/release_runs.py"},
        ),
        ("great_expectations", {"data_contracts/check/expectations.py"}),
        ("lightgbm", {"models/estimators.py"}),
        ("skops", {"models/artefacts.py"}),
    ],
)
def test_each_framework_has_one_home(library: str, homes: set[str]):
    importers = {str(path.relative_to(ROOT)) for path in MODULES if library in _imported(path)}
    assert importers == homes


def test_the_clock_is_read_in_pipelines_only():
    readers = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in {"now", "utcnow", "today"}
    }
    assert {reader.split("/")[0] for reader in readers} <= {"pipelines"}


def test_nothing_is_unpickled():
    assert not [path for path in MODULES if {"pickle", "cloudpickle", "joblib", "dill"} & _imported(path)]


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
