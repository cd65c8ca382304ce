"""`docs/features.md`."""

from data_contracts.vocabulary import KindFamily
from features.catalogue import features_of_history
from features.documentation import features_markdown


def test_every_feature_has_one_row_with_its_unit_its_meaning_and_what_missing_means():
    lines = features_markdown().splitlines()
    general = features_of_history({})
    rows = [
        f"| `{column.name}` | {column.unit or 'words'} | {column.meaning} | {column.missing} |"
        for column in (feature.column for feature in general)
    ]
    assert [lines.count(row) for row in rows] == [1] * len(general)


def test_every_group_has_one_table():
    headings = [line.removeprefix("## ") for line in features_markdown().splitlines() if line.startswith("## ")]
    assert headings == [
        "behaviour",
        "buying_group",
        "funnel",
        "context",
        "Kinds of activity",
        "icp_fit",
        "attributes",
        "Beside the features",
    ]


def test_every_family_says_which_features_a_kind_of_it_gives():
    told = [line for line in features_markdown().splitlines() if line.startswith("| `mailing` | ")]
    told += [line for line in features_markdown().splitlines() if line.startswith("| `request` | ")]
    assert [line.split(" | ")[2] for line in told] == [
        "none |",
        "`n_<kind>_30d`, `n_<kind>_90d`, `days_since_<kind>`, `n_others_<kind>_90d` |",
    ]
    assert all(f"| `{family}` | {family.meaning} | " in features_markdown() for family in KindFamily)
