"""The customer's own attributes, as declared in the settings."""

from collections.abc import Mapping

from data_contracts.sayings import Attribute
from data_contracts.settings import AttributeDeclaration
from features.measures import Feature, Scan, category, number

GROUP = "attributes"
MISSING = "the CRM does not say, or did not at the time"


def attribute_column(name: str) -> str:
    """The column of the feature that the declared attribute `name` gives."""
    return f"attribute_{name}"


def attribute_features(attributes: Mapping[str, AttributeDeclaration]) -> tuple[Feature, ...]:
    """A feature `attribute_<name>` for each declared attribute, in the order of the settings."""
    return tuple(_attribute_feature(name, declared) for name, declared in attributes.items())


def _attribute_feature(name: str, declared: AttributeDeclaration) -> Feature:
    said = Attribute(declared.meaning, declared.unit)
    if declared.type == "category":
        return category(
            attribute_column(name), lambda snapshots: snapshots[name], group=GROUP, said=said, missing=MISSING
        )
    return number(
        attribute_column(name),
        lambda snapshots: snapshots[name],
        scan=Scan.SNAPSHOTS,
        group=GROUP,
        said=said,
        missing=MISSING,
    )
