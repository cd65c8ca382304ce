"""The features of the snapshots in `specs/`, one test a spec; `spec_files` says how a spec is written."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from features.build import build_features
from tests.features.spec_files import SpecRow, all_specs, parse_specs, value_of
from tests.some_engines import ENGINES

SPECS = [spec for spec in all_specs() if "features" in spec.tables]
NOT_FEATURES = {"lead_id", "as_of", "stage"}


@pytest.fixture(scope="module")
def measured(make_history, make_snapshots, settings) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The features of each spec, by its name, in the order of its `features`.

    All specs are measured as one history, which is quicker; the number of its spec in every id keeps them apart.
    """
    merged: dict[str, list[Mapping[str, Any]]] = {}
    for nth, spec in enumerate(SPECS):
        for name, rows in spec.tables.items():
            merged.setdefault(name, []).extend(numbered(row, nth) for row in rows)
    snapshots = make_snapshots(merged.pop("features"))
    table = build_features(make_history(merged), snapshots, settings=settings).table.order_by("snapshot_id")
    rows = iter(table.to_pyarrow().to_pylist())
    return {str(spec): list(itertools.islice(rows, len(spec.tables["features"]))) for spec in SPECS}


def numbered(row: SpecRow, nth: int) -> Mapping[str, Any]:
    ids = {name: f"{nth}/{row[name]}" for name in ("lead_id", "account_id", "object_id") if row.get(name)}
    return {**row, **ids}


def differences(file: str, row: SpecRow, found: Mapping[str, Any]) -> Iterator[str]:
    """What is not as the row says: the file and line, the snapshot, the column, both values."""
    for column, cell in row.items():
        if column in NOT_FEATURES:
            continue
        at = f"specs/{file}:{row.line}: {column} of {row['lead_id']} at {row['as_of']}"
        if column not in found:
            yield f"{at}: there is no such feature"
        elif not is_same(as_cell(found[column]), value_of(cell)):
            yield f"{at} is {as_cell(found[column])!r}, not {value_of(cell)!r}"


def as_cell(found: Any) -> Any:
    """A list as it stands in a spec: its items joined by commas, missing if there are none."""
    return ", ".join(found) or None if isinstance(found, list) else found


def is_same(found: Any, expected: Any) -> bool:
    if isinstance(expected, int | float):
        return isinstance(found, float) and found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    return bool(found == expected)


@pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_features_are_those_of_the_spec(spec, measured):
    rows = zip(spec.tables["features"], measured[str(spec)], strict=True)
    told = [each for row, found in rows for each in differences(spec.file, row, found)]
    assert not told, "\n".join(told)


@pytest.fixture
def written(tmp_path: Path):
    """Writes a spec file and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "funnel.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


SPEC = """# One lead

features
lead_id | as_of            | n_calls | score_of_fit | days_in_stage | source
A       | 2026-03-02 00:00 | 3 - 1   | 0.5          |               | web
"""


def test_a_difference_names_the_file_the_row_and_the_column(written):
    (spec,) = parse_specs(written(SPEC))
    (row,) = spec.tables["features"]
    found = {"n_calls": 2.0, "days_in_stage": 7.0, "source": "event"}
    assert list(differences(spec.file, row, found)) == [
        "specs/funnel.txt:5: score_of_fit of A at 2026-03-02 00:00: there is no such feature",
        "specs/funnel.txt:5: days_in_stage of A at 2026-03-02 00:00 is 7.0, not None",
        "specs/funnel.txt:5: source of A at 2026-03-02 00:00 is 'event', not 'web'",
    ]


@pytest.mark.parametrize(
    ("found", "cell"), [(2.0, "3"), (2.0, None), (None, "2"), (True, "1"), ("2", "2"), ([], "x"), (["x"], None)]
)
def test_another_value_another_type_and_a_missing_value_are_differences(found, cell):
    row = SpecRow({"lead_id": "A", "as_of": "2026-03-02", "n_calls": cell}, line=1)
    assert len(list(differences("funnel.txt", row, {"n_calls": found}))) == 1


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("features", "feature", "funnel.txt:3: there is no table 'feature'"),
        ("| web", "", "funnel.txt:5: 5 values below 6 columns"),
        ("features", "leads", "funnel.txt expects nothing: funnel: One lead"),
        (SPEC, "", "funnel.txt expects nothing: it holds no spec"),
    ],
)
def test_a_spec_that_cannot_be_read_or_expects_nothing_is_refused(written, was, becomes, told):
    with pytest.raises(ValueError, match=f"^{told}$"):
        parse_specs(written(SPEC.replace(was, becomes)))
