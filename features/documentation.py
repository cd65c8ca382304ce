"""`docs/features.md`, written from the catalogue."""

from itertools import groupby

from data_contracts.sayings import Criterion
from data_contracts.settings import IdealCustomerProfile
from data_contracts.snapshots import MISSES, POINTS, FeatureColumn
from features.catalogue import FEATURES
from features.known import LARGEST_BUYING_GROUP
from features.profile import NOT_SAID, attribute_column, icp_features

INTRODUCTION = f"""\
# Features

What a model may know about a lead at a moment. Generated from `features/catalogue.py`; do not edit.

A fact counts only if it happened **and** was recorded before the moment. Each meaning completes the sentence "this
lead: ...". Days are periods of 24 hours counted back from the moment; "the last 7 days" means less than 7.0 days ago.
"Of its own accord" means inbound; where the CRM does not say who started an activity, sent emails, calls, meetings and
assessments count as ours and everything else as the lead's. "Colleagues" are the other leads at the account, as far
as it had at most {LARGEST_BUYING_GROUP} at the moment; above that it is no group of people who decide together.
"""

OF_PROFILE = """\
## icp_fit

One feature a criterion of the agreed profile, and the profile as a whole.

"""

OF_ATTRIBUTES = """\
## attributes

One feature a declared attribute, with the value that was known at the moment: a historised one is rebuilt from its
changes, the others have their present value.

"""

BESIDE = f"""\
## Beside the features

`{POINTS}` (the points of the hand-tuned rule) and `{MISSES}` (the criteria that are known and not met) stand
in the same table. Models are compared with the first and never learn from either.
"""

HEAD = "| feature | unit | meaning | missing |\n|---|---|---|---|\n"


def features_markdown() -> str:
    """The content of `docs/features.md`: one table a group of features."""
    columns = [feature.column for feature in FEATURES]
    groups = groupby(columns, key=lambda column: column.group)
    tables = [_table(group, list(of_group)) for group, of_group in groups]
    return "\n".join([INTRODUCTION, *tables, _profile(), _attributes(), BESIDE])


def _table(group: str, columns: list[FeatureColumn]) -> str:
    return f"## {group}\n\n{HEAD}" + "".join(_row(column) for column in columns)


def _profile() -> str:
    """The table of the features that a profile gives, whatever its criteria."""
    (share,) = icp_features(IdealCustomerProfile())
    criterion = f"| `icp_<criterion>` | {Criterion.unit} | meets the agreed criterion | its attribute is not known |\n"
    return OF_PROFILE + HEAD + criterion + _row(share.column)


def _attributes() -> str:
    return f"{OF_ATTRIBUTES}{HEAD}| `{attribute_column('<name>')}` | as declared | as declared | {NOT_SAID} |\n"


def _row(column: FeatureColumn) -> str:
    return f"| `{column.name}` | {column.unit or 'words'} | {column.meaning} | {column.missing} |\n"
