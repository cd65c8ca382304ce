"""`docs/features.md`."""

from features.catalogue import FEATURES
from features.documentation import features_markdown


def test_every_feature_has_one_row_with_its_unit_its_meaning_and_what_missing_means():
    lines = features_markdown().splitlines()
    rows = [
        f"| `{column.name}` | {column.unit or 'words'} | {column.meaning} | {column.missing} |"
        for column in (feature.column for feature in FEATURES)
    ]
    assert [lines.count(row) for row in rows] == [1] * len(FEATURES)


def test_every_group_has_one_table():
    headings = [line.removeprefix("## ") for line in features_markdown().splitlines() if line.startswith("## ")]
    assert headings == [
        "behaviour",
        "buying_group",
        "funnel",
        "context",
        "icp_fit",
        "attributes",
        "Beside the features",
    ]
