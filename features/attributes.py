"""The customer's own attributes, as declared in the settings."""

from collections.abc import Mapping

from data_contracts.settings import AttributeDeclaration
from features.measures import Feature, Scan, category, number

GROUP = "attributes"
MISSING = "the CRM does not say, or did not at the time"


def attribute_features(attributes: Mapping[str, AttributeDeclaration]) -> tuple[Feature, ...]:
    """A feature `attribute_<name>` for each declared attribute, in the order of the settings."""
    return tuple(_attribute_feature(name, declared) for name, declared in attributes.items())


def _attribute_feature(name: str, declared: AttributeDeclaration) -> Feature:
    if declared.type == "category":
        return category(
            f"attribute_{name}",
            lambda snapshots: snapshots[name],
            group=GROUP,
            meaning=declared.meaning,
            missing=MISSING,
        )
    return number(
        f"attribute_{name}",
        lambda snapshots: snapshots[name],
        scan=Scan.SNAPSHOTS,
        group=GROUP,
        unit=declared.unit,
        meaning=declared.meaning,
        missing=MISSING,
    )
