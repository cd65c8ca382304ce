"""Every feature there is, and the digest by which a release knows its features again."""

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.types as ir

from data_contracts.columns import TABLES, TYPES, TableContract
from data_contracts.errors import SettingsError
from data_contracts.history import CrmHistory
from data_contracts.kinds import Kinds
from data_contracts.settings import Settings
from data_contracts.snapshots import FeatureColumn, Snapshots
from features.behaviour import behaviour_features
from features.buying_group import buying_group_features
from features.funnel import CONTEXT, FUNNEL
from features.known import known_at
from features.measures import Feature, take_measures
from features.profile import attribute_features, icp_features, refuse_unfit_criteria


def features_of_history(kinds: Kinds) -> tuple[Feature, ...]:
    """The features of behaviour, colleagues and funnel; without `kinds` those that every customer has."""
    return (*behaviour_features(kinds), *buying_group_features(kinds), *FUNNEL, *CONTEXT)


def features_of(settings: Settings) -> tuple[Feature, ...]:
    """All features under `settings`, in order: of the history, of the profile, of the declared attributes.

    Raises
    ------
    SettingsError
        Where a criterion's condition does not suit its attribute, or two features would have one name.
    """
    refuse_unfit_criteria(settings)
    crm = settings.crm
    features = (
        *features_of_history(crm.kinds),
        *icp_features(settings.definitions.icp),
        *attribute_features(crm.feature_attributes),
    )
    twice = sorted(name for name, count in Counter(feature.name for feature in features).items() if count > 1)
    if twice:
        raise SettingsError(
            f"two features would be called {', '.join(map(repr, twice))}; "
            "give the criteria in [definitions.icp] names that differ in letters or digits, and the kinds in "
            "[crm.kinds] names that are none of ours (inbound, outbound, active_days, others)"
        )
    return features


def catalogue_digest(settings: Settings) -> str:
    """Digest (16 hexadecimal digits) of what the features mean and of how they are computed.

    It covers the description of each column, and the SQL of the whole way from the canonical tables to the features.

    It changes with what counts as known, with any formula, declared attribute, kind and criterion. It does not change
    with a comment, the layout of the code, the point rule or the engine.

    The SQL is always DuckDB's. A new version of Ibis may write it differently, and then releases have to be trained
    anew although nothing changed. To refuse a good release is the cheaper mistake.
    """
    return _digest_under(settings.model_dump_json())


@lru_cache(maxsize=16)
def _digest_under(settings_json: str) -> str:
    """Writing the SQL takes about as long as the rest of building the features of one lead: it is written once."""
    settings = Settings.model_validate_json(settings_json)
    features = features_of(settings)
    columns = json.dumps([_described(feature.column) for feature in features], sort_keys=True)
    snapshots = ibis.table(
        {"snapshot_id": "int64", "lead_id": "string", "stage": "string", "as_of": "timestamp(6)"}, name="snapshots"
    )
    known = known_at(_of_no_engine(settings), Snapshots(snapshots), settings=settings)
    sql = _in_one_order(ibis.to_sql(take_measures(known, [feature.measure for feature in features]), dialect="duckdb"))
    return hashlib.sha256(f"{columns}\n{sql}".encode()).hexdigest()[:16]


def _described(column: FeatureColumn) -> dict[str, Any]:
    return asdict(column) | {"unit": column.unit, "meaning": column.meaning}


def _in_one_order(sql: str) -> str:
    """The SQL with the columns of every EXCLUDE sorted: Ibis keeps dropped columns in a set, which has no order."""
    return re.sub(
        r"(EXCLUDE \()([^)]*)(\))", lambda found: f"{found[1]}{', '.join(sorted(found[2].split(', ')))}{found[3]}", sql
    )


def _of_no_engine(settings: Settings) -> CrmHistory:
    """A history of which only the columns are known."""
    return CrmHistory(
        tables={name: _unbound(contract, settings) for name, contract in TABLES.items()},
        unsettled=ibis.table({"lead_id": "string"}, name="unsettled"),
        extracted_at=dt.datetime.min,  # noqa: DTZ901  times are UTC without a zone, and nobody reads this one
        absent=(),
        fingerprint="",
        definitions_version="",
    )


def _unbound(contract: TableContract, settings: Settings) -> ir.Table:
    columns = {column.name: TYPES[column.type] for column in contract.columns}
    declared = settings.crm.attributes_of(contract.name)
    attributes = {name: TYPES[attribute.column_type] for name, attribute in declared.items()}
    return ibis.table(columns | attributes, name=contract.name)
