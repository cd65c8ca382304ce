"""Who the lead is: how well it fits the agreed ideal customer profile, and the customer's own attributes."""

import re
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from data_contracts.conditions import Condition
from data_contracts.crm_mapping import AttributeDeclaration
from data_contracts.definitions import IcpCriterion, IdealCustomerProfile
from data_contracts.errors import SettingsError
from data_contracts.sayings import Attribute, Criterion, ProfileShare
from data_contracts.settings import Settings
from data_contracts.snapshots import FIT_SHARE, MISSES, PROFILE_GROUPS
from features.measures import Feature, Measure, Scan, category, number, text

ICP_FIT, ATTRIBUTES = PROFILE_GROUPS
NOT_SAID = "the CRM does not say, or did not at the time"
"""What a missing attribute means."""


def criterion_column(criterion: IcpCriterion) -> str:
    """The column of a criterion.

    Examples
    --------
    >>> criterion_column(IcpCriterion(name="Industry (core)", attribute="industry", one_of=("software",)))
    'icp_industry_core'
    """
    return "icp_" + re.sub(r"[^a-z0-9]+", "_", criterion.name.lower()).strip("_")


def refuse_unfit_criteria(settings: Settings) -> None:
    """Raise `SettingsError` that names every criterion whose condition does not suit its attribute's type."""
    criteria = {repr(criterion.name): criterion for criterion in settings.definitions.icp.criteria}
    refuse_unfit_conditions(criteria, settings.crm.attributes, section="definitions.icp")


def refuse_unfit_conditions(
    conditions: Mapping[str, Condition], attributes: Mapping[str, AttributeDeclaration], *, section: str
) -> None:
    """Raise `SettingsError` that names every one of `conditions` (by what asks) that does not suit its attribute."""
    problems = []
    for asks, condition in conditions.items():
        if condition.attribute not in attributes:
            problems.append(f"{asks} asks for {condition.attribute!r}, which is not declared in [crm.attributes]")
            continue
        declared = attributes[condition.attribute].type
        if declared == "text":
            problems.append(f"{asks} asks for {condition.attribute!r}, a free text; ask for a category or a number")
        if condition.one_of and declared == "number":
            problems.append(f"{asks} has one_of, but {condition.attribute!r} is a number; use at_least")
        if not condition.one_of and declared == "category":
            problems.append(f"{asks} has a range, but {condition.attribute!r} is a category; use one_of")
    if problems:
        raise SettingsError(f"[{section}]: {'; '.join(problems)}")


def is_met(criterion: Condition, snapshots: ir.Table) -> ir.BooleanValue:
    """Whether the condition is met; missing where its attribute is not known. Both ends of a range count as met."""
    value = snapshots[criterion.attribute]
    if criterion.one_of:
        return value.isin(criterion.one_of)
    met = value.notnull()
    if criterion.at_least is not None:
        met &= value >= criterion.at_least
    if criterion.at_most is not None:
        met &= value <= criterion.at_most
    return value.isnull().ifelse(ibis.null("boolean"), met)


def icp_features(icp: IdealCustomerProfile) -> tuple[Feature, ...]:
    """A feature for each criterion, and the share of the profile that is met."""
    return (*(_criterion_feature(criterion) for criterion in icp.criteria), _fit_share_feature(icp))


def icp_misses(icp: IdealCustomerProfile) -> Measure:
    """The names of the criteria that are known and not met (array of strings, empty where there are none)."""

    def misses(snapshots: ir.Table) -> ir.Value:
        if not icp.criteria:
            return ibis.literal([], type="array<string>")
        names = [
            (~is_met(criterion, snapshots)).ifelse(criterion.name, ibis.null("string")) for criterion in icp.criteria
        ]
        return ibis.array(names).filter(lambda name: name.notnull())

    return Measure(MISSES, Scan.SNAPSHOTS, misses)


def _criterion_feature(criterion: IcpCriterion) -> Feature:
    return number(
        criterion_column(criterion),
        lambda snapshots: is_met(criterion, snapshots),
        scan=Scan.SNAPSHOTS,
        group=ICP_FIT,
        said=Criterion(
            criterion.name,
            reads=attribute_column(criterion.attribute),
            one_of=criterion.one_of,
            at_least=criterion.at_least,
            at_most=criterion.at_most,
        ),
        family=attribute_column(criterion.attribute),
        missing=f"its {criterion.attribute} is not known",
    )


def _fit_share_feature(icp: IdealCustomerProfile) -> Feature:
    """A criterion whose attribute is not known is left out of the share."""

    def share(snapshots: ir.Table) -> ir.Value:
        met, known = ibis.literal(0.0), ibis.literal(0.0)
        for criterion in icp.criteria:
            result = is_met(criterion, snapshots)
            met += _as_number(result.fill_null(False)) * criterion.weight
            # Asked of the attribute: not every engine parses whether `x IN (...)` is null.
            known += _as_number(snapshots[criterion.attribute].notnull()) * criterion.weight
        return met / known.nullif(0.0)

    return number(
        FIT_SHARE,
        share,
        scan=Scan.SNAPSHOTS,
        group=ICP_FIT,
        said=ProfileShare(),
        missing="no criterion is known, or none is agreed",
    )


def _as_number(flag: ir.BooleanValue) -> ir.FloatingValue:
    """1.0 or 0.0. Spark would add and divide literals alone as decimals, and cut the share to nine digits."""
    return flag.ifelse(1, 0).cast("float64")


def attribute_column(name: str) -> str:
    """The column of the feature that the declared attribute `name` gives."""
    return f"attribute_{name}"


def attribute_features(attributes: Mapping[str, AttributeDeclaration]) -> tuple[Feature, ...]:
    """A feature `attribute_<name>` for each declared attribute, in the order of the settings."""
    return tuple(_attribute_feature(name, declared) for name, declared in attributes.items())


def _attribute_feature(name: str, declared: AttributeDeclaration) -> Feature:
    said = Attribute(declared.phrase or declared.meaning, declared.unit, meant=declared.meaning)
    column = attribute_column(name)
    if declared.type == "number":
        return number(
            column,
            lambda snapshots: snapshots[name],
            scan=Scan.SNAPSHOTS,
            group=ATTRIBUTES,
            said=said,
            missing=NOT_SAID,
        )
    in_words = text if declared.type == "text" else category
    return in_words(column, lambda snapshots: snapshots[name], group=ATTRIBUTES, said=said, missing=NOT_SAID)
