"""How well the lead fits the agreed ideal customer profile, criterion by criterion and in total."""

import re

import ibis
import ibis.expr.types as ir

from data_contracts.errors import SettingsError
from data_contracts.sayings import Criterion, ProfileShare
from data_contracts.settings import IcpCriterion, IdealCustomerProfile, Settings
from features.attributes import attribute_column
from features.measures import Feature, Measure, Scan, number

GROUP = "icp_fit"
FIT_SHARE = "icp_fit_share"
MISSES = "icp_misses"


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
    problems = []
    for criterion in settings.definitions.icp.criteria:
        declared = settings.crm.attributes[criterion.attribute].type
        if criterion.one_of and declared == "number":
            problems.append(f"{criterion.name!r} has one_of, but {criterion.attribute!r} is a number; use at_least")
        if not criterion.one_of and declared == "category":
            problems.append(f"{criterion.name!r} has a range, but {criterion.attribute!r} is a category; use one_of")
    if problems:
        raise SettingsError(f"[definitions.icp]: {'; '.join(problems)}")


def is_met(criterion: IcpCriterion, snapshots: ir.Table) -> ir.BooleanValue:
    """Whether the criterion is met; missing where its attribute is not known. Both ends of a range count as met."""
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
        group=GROUP,
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
    """A criterion that is not known counts neither for nor against."""

    def share(snapshots: ir.Table) -> ir.Value:
        met, known = ibis.literal(0.0), ibis.literal(0.0)
        for criterion in icp.criteria:
            result = is_met(criterion, snapshots)
            met += result.fill_null(False).ifelse(criterion.weight, 0.0)
            # Asked of the attribute: not every engine parses whether `x IN (...)` is null.
            known += snapshots[criterion.attribute].notnull().ifelse(criterion.weight, 0.0)
        return met / known.nullif(0.0)

    return number(
        FIT_SHARE,
        share,
        scan=Scan.SNAPSHOTS,
        group=GROUP,
        said=ProfileShare(),
        missing="no criterion is known, or none is agreed",
    )
