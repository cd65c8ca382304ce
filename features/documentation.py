"""`docs/features.md`, written from the catalogue."""

from itertools import groupby

from data_contracts.snapshots import FeatureColumn
from features.catalogue import FEATURES
from features.known import LARGEST_BUYING_GROUP

INTRODUCTION = f"""\
# Features

What a model may know about a lead at a moment. Generated from `features/catalogue.py`; do not edit.

A fact counts only if it happened **and** was recorded before the moment. Each meaning completes the sentence "this
lead: ...". Days are periods of 24 hours counted back from the moment; "the last 7 days" means less than 7.0 days ago.
"Of its own accord" means inbound; where the CRM does not say who started an activity, sent emails, calls, meetings and
assessments count as ours and everything else as the lead's. "Colleagues" are the other leads at the account, as far
as it had at most {LARGEST_BUYING_GROUP} at the moment; above that it is no group of people who decide together.
"""

BY_SETTINGS = """\
## icp_fit

One feature a criterion of the agreed profile, and the profile as a whole.

| feature | unit | meaning | missing |
|---|---|---|---|
| `icp_<criterion>` | 1 met, 0 not met | meets the agreed criterion | its attribute is not known |
| `icp_fit_share` | share in [0, 1] | fits the agreed profile: weighted share of its known criteria that are met | no criterion is known, or none is agreed |

## attributes

One feature a declared attribute, with the value that was known at the moment: a historised one is rebuilt from its
changes, the others have their present value.

| feature | unit | meaning | missing |
|---|---|---|---|
| `attribute_<name>` | as declared | as declared | the CRM does not say, or did not at the time |

## Beside the features

`point_rule_points` (the points of the hand-tuned rule) and `icp_misses` (the criteria that are known and not met) stand
in the same table. Models are compared with the first and never learn from either.
"""  # noqa: E501  a Markdown table's row is one line


def features_markdown() -> str:
    """The content of `docs/features.md`: one table a group of features."""
    columns = [feature.column for feature in FEATURES]
    groups = groupby(columns, key=lambda column: column.group)
    tables = [_table(group, list(of_group)) for group, of_group in groups]
    return "\n".join([INTRODUCTION, *tables, BY_SETTINGS])


def _table(group: str, columns: list[FeatureColumn]) -> str:
    head = f"## {group}\n\n| feature | unit | meaning | missing |\n|---|---|---|---|\n"
    return head + "".join(_row(column) for column in columns)


def _row(column: FeatureColumn) -> str:
    return f"| `{column.name}` | {column.unit or 'words'} | {column.meaning} | {column.missing} |\n"
