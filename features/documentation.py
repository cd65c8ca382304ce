"""`docs/features.md`, written from the catalogue."""

from collections.abc import Iterator
from itertools import groupby

from data_contracts.definitions import IdealCustomerProfile
from data_contracts.kinds import KindDeclaration, Phrase
from data_contracts.sayings import Criterion
from data_contracts.snapshots import MISSES, POINTS, FeatureColumn
from data_contracts.vocabulary import Direction, KindFamily
from features.behaviour import LOOKS, behaviour_features
from features.buying_group import buying_group_features
from features.catalogue import features_of_history
from features.known import LARGEST_BUYING_GROUP
from features.profile import NOT_SAID, attribute_column, icp_features

INTRODUCTION = f"""\
# Features

What a model may know about a lead at a moment. Generated from `features/catalogue.py`; do not edit.

A fact counts only if it happened **and** was recorded before the moment. Each meaning completes "this lead: ...".

| words | what they mean |
|---|---|
| the last 7 days | less than 7.0 days before the moment; a day is 24 hours |
| of its own accord | inbound: the lead started it |
| approached by us | outbound: we started it |
| colleagues | the other leads at its account; none if more than {LARGEST_BUYING_GROUP} are there |

An activity that did not last as long as its kind asks, or that ended otherwise, is of the kind that its declaration
names instead: a call that nobody answered is an attempt. Where the CRM does not say who started an activity, it is who
the kind's declaration says.
"""

OF_KINDS = """\
## Kinds of activity

Each kind that the settings declare in `[crm.kinds]` gives the features of its family, in the words of its `phrase`.

"""

OF_PROFILE = """\
## icp_fit

A feature for each criterion of the agreed profile, and one for the whole profile.

"""

OF_ATTRIBUTES = """\
## attributes

A feature for each declared attribute. A historised attribute has the value that it had at the moment, rebuilt from its
changes; the others have their present value. A model reads a text by those of its words that leads of at least 20
accounts share.

"""

BESIDE = f"""\
## Beside the features

| column | what it is |
|---|---|
| `{POINTS}` | the points of the hand-tuned rule; models are compared with them |
| `{MISSES}` | the criteria of the profile that are known and not met; a lead outside the profile reads them |

They stand in the same table. No model learns from them.
"""

HEAD = "| feature | unit | meaning | missing |\n|---|---|---|---|\n"


def features_markdown() -> str:
    """The content of `docs/features.md`: one table a group of features."""
    columns = [feature.column for feature in features_of_history({})]
    groups = groupby(columns, key=lambda column: column.group)
    tables = [_table(group, list(of_group)) for group, of_group in groups]
    return "\n".join([INTRODUCTION, *tables, _kinds(), _profile(), _attributes(), BESIDE])


def _table(group: str, columns: list[FeatureColumn]) -> str:
    return f"## {group}\n\n{HEAD}" + "".join(_row(column) for column in columns)


def _kinds() -> str:
    """The features that a kind of each family gives."""
    head = "| family | which activities | features |\n|---|---|---|\n"
    return (
        OF_KINDS
        + head
        + "".join(f"| `{family}` | {family.meaning} | {', '.join(_names(family)) or 'none'} |\n" for family in LOOKS)
    )


def _names(family: KindFamily) -> Iterator[str]:
    phrase = Phrase(did="did it")
    kind = {"KIND": KindDeclaration(family=family, direction=Direction.INBOUND, phrase=phrase)}
    for features_with in (behaviour_features, buying_group_features):
        general = {feature.name for feature in features_with({})}
        for feature in features_with(kind):
            if feature.name not in general:
                yield f"`{feature.name.replace('KIND', '<kind>')}`"


def _profile() -> str:
    """The table of the features that a profile gives, whatever its criteria."""
    (share,) = icp_features(IdealCustomerProfile())
    criterion = f"| `icp_<criterion>` | {Criterion.unit} | meets the agreed criterion | its attribute is not known |\n"
    return OF_PROFILE + HEAD + criterion + _row(share.column)


def _attributes() -> str:
    return f"{OF_ATTRIBUTES}{HEAD}| `{attribute_column('<name>')}` | as declared | as declared | {NOT_SAID} |\n"


def _row(column: FeatureColumn) -> str:
    return f"| `{column.name}` | {column.unit or 'words'} | {column.meaning} | {column.missing} |\n"
