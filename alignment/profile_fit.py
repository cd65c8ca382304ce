"""How well leads fit an agreed profile at a moment, and which of its criteria they are known to miss."""

import ibis
import ibis.expr.types as ir

from data_contracts.definitions import IdealCustomerProfile
from data_contracts.errors import SettingsError
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from features.known import known_at
from features.measures import Measure, Scan, take_measures
from features.profile import icp_features, icp_misses, refuse_unfit_conditions

KNOWN_SHARE = "known_share"


def fit_at(history: CrmHistory, snapshots: Snapshots, *, icp: IdealCustomerProfile, settings: Settings) -> ir.Table:
    """The `icp_fit_share` and `icp_misses` of each snapshot as models read them, under any profile, and `known_share`.

    Lazy, one row a `snapshot_id`. The fit is missing where no criterion is known; `known_share` is how much of the
    profile is known, by weight. Of an account, what is known is what the CRM knew once the lead belonged to it.

    Parameters
    ----------
    icp
        Every attribute that it asks for is declared: see `judgeable`.
    """
    *_, fit_share = icp_features(icp)
    known = Measure(KNOWN_SHARE, Scan.SNAPSHOTS, lambda rows: _known_share(rows, icp))
    measures = [fit_share.measure, icp_misses(icp), known]
    return take_measures(known_at(history, snapshots, settings=settings), measures)


def _known_share(rows: ir.Table, icp: IdealCustomerProfile) -> ir.FloatingValue:
    known = ibis.literal(0.0)
    for criterion in icp.criteria:
        # Spark would add and divide literals alone as decimals.
        known += rows[criterion.attribute].notnull().ifelse(1, 0).cast("float64") * criterion.weight
    return known / (sum(criterion.weight for criterion in icp.criteria) or 1.0)


def judgeable(icp: IdealCustomerProfile, settings: Settings) -> tuple[IdealCustomerProfile, tuple[str, ...]]:
    """The part of `icp` that the declared attributes can answer, and what is the matter with each other criterion.

    An agreement of the past stays as it was, while attributes come and go.
    """
    attributes = settings.crm.feature_attributes
    kept, told = [], []
    for criterion in icp.criteria:
        try:
            refuse_unfit_conditions({repr(criterion.name): criterion}, attributes, section="definitions.icp")
            kept.append(criterion)
        except SettingsError as error:
            told.append(str(error))
    return icp.model_copy(update={"criteria": tuple(kept)}), tuple(told)
