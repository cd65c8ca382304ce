"""The model card of a release: what it is for, what it was made of, how good it is, and where to be careful.

After Mitchell et al. (2019), "Model Cards for Model Reporting", FAT* 220-229. Written from the manifest and what the
gate said, and from nothing else: no lead is in it.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from data_contracts.amounts import amount_text, comparison_rows, effect_rows
from data_contracts.contact import contact_rows, contact_summary
from data_contracts.evaluation_table import (
    BASE_RATE_BY_AGE,
    ESTIMATORS,
    age_rows,
    chain_rows,
    chain_title,
    evaluation_rows,
    evaluation_title,
    signal_warning,
)
from data_contracts.gate import ChampionComparison, GateVerdict, in_use_rows, not_yet_judged, recipe_rows, verdict_rows
from data_contracts.leaks import leak_summary
from data_contracts.recalibration import FOLLOWS, P_WIN_BEFORE_SQL, mend_text
from data_contracts.record_table import markdown_text, table_markdown
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.wording import percent

INTENDED_USE = """\
For putting the open leads of the CRM it was learnt from in order, for choosing whom to hand off to sales within its
capacity, and for expecting how many will convert. Both teams can hold it against what was sold.

Not for another CRM or business, not for decisions about a person (credit, employment, price), and not for saying what
causes a conversion: a lead that is given a low probability has not been shown to be worthless. Whoever acts on a score
sees its reasons and may decide otherwise."""

PRIVACY = """\
Names, email addresses and phone numbers are no features, and neither logs nor reports hold any. What was learnt is whom
sales called and how those leads ended, with all habits of that time: a kind of lead that sales never called has no
label. Look at rates by segment before a threshold is agreed on."""

CAVEATS = (
    "A calibrated probability is calibrated for leads like those it was tested on. A new campaign is new.",
    "Intervals are of one test period, over accounts; `leadscore backtest` shows how figures moved over several.",
    "The figures are those of the procedure without the test leads; the release is the same procedure on all leads.",
    "Leads that are no MQL yet were never labelled. They are scored, and marked as extrapolated.",
    "A single lead that is unlike any labelled one is not marked: the release holds no model of contact.",
)


def model_card(
    manifest: ReleaseManifest, *, comparison: ChampionComparison | None = None, verdict: GateVerdict | None = None
) -> str:
    """The card of a release in Markdown, every text of the settings in it escaped.

    Parameters
    ----------
    manifest
        Of the release.
    comparison
        How it stood against the champion when it was trained; None where there was none.
    verdict
        What the gate last said; None where it was not asked.
    """
    parts = [
        f"# Model card: release {markdown_text(manifest.release_id)}",
        _section("What it is", [_details(manifest), *map(_recipe, manifest.transitions), *_chain(manifest)]),
        _section("What it is for", [INTENDED_USE]),
        _section("Data", _data(manifest)),
        _section("Features", _features(manifest)),
        _section("How good it is", _figures(manifest)),
        _section("What a win is expected to bring", _amounts(manifest)),
        _section("Whom sales contacted", _contact(manifest)),
        _section("What may have known the outcome", _leaks(manifest)),
        _section("Against the release in force", _against(comparison)),
        _section("The gate", [table_markdown(verdict_rows(verdict)) if verdict else "It was not asked yet."]),
        _section("People", [PRIVACY]),
        _section("Where to be careful", [_bullets([*_warnings(manifest), *CAVEATS])]),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, paragraphs: Iterable[str]) -> str:
    return "\n\n".join([f"## {title}", *paragraphs])


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _details(manifest: ReleaseManifest) -> str:
    inputs = manifest.inputs
    facts = {
        "made": f"{manifest.created_at:%Y-%m-%d %H:%M} UTC by leadscore {inputs.code_version} ({inputs.code_digest})",
        "parent": inputs.parent.release_id if inputs.parent else "none: its models were trained",
        "libraries": ", ".join(f"{name} {version}" for name, version in inputs.libraries.items()),
    }
    return _facts(facts)


def _facts(facts: dict[str, str]) -> str:
    return table_markdown([{"what": what, "": told} for what, told in facts.items()])


def _recipe(summary: TransitionSummary) -> str:
    begin = f"**{summary.transition}** within {summary.horizon_days} days: "
    if summary.estimator == BASE_RATE_BY_AGE or summary.chosen is None:
        return f"{begin}the base rate by age in stage, because no signal was found{_mended(summary)}."
    told = ", ".join(f"{name}={value}" for name, value in summary.chosen.parameters.items())
    estimator = ESTIMATORS.get(summary.estimator, summary.estimator)
    return f"{begin}{estimator} ({markdown_text(told)}), calibrator {summary.calibrator}{_mended(summary)}."


def _mended(summary: TransitionSummary) -> str:
    return "" if summary.recalibration is None else f"; {mend_text(summary.recalibration)}"


def _chain(manifest: ReleaseManifest) -> list[str]:
    """How a win before SQL comes about, where two transitions lead to it and it was held against wins."""
    chain = manifest.chain
    if chain is None:
        return []
    told = f"**{P_WIN_BEFORE_SQL}**: the product of both, calibrator {chain.calibrator}"
    if chain.recalibration is not None:
        return [f"{told}; {mend_text(chain.recalibration)}."]
    return [f"{told}; {FOLLOWS}." if manifest.inputs.parent else f"{told}."]


def _data(manifest: ReleaseManifest) -> list[str]:
    agreed = manifest.configuration.definitions
    facts = {
        "source": manifest.source,
        "extract": f"{manifest.as_of:%Y-%m-%d %H:%M} UTC",
        "definitions": f"version {agreed.version}, effective from {agreed.effective_from}",
        "fingerprint of the history": manifest.data_fingerprint,
    }
    rows = [
        {
            "transition": summary.transition,
            "labelled leads": f"{summary.n_labelled:,}",
            "converted": f"{summary.n_converted:,}",
            **{f"snapshots {status.replace('_', ' ')}": f"{n:,}" for status, n in summary.snapshots.items()},
            "share of the accounts": percent(summary.sampled_share),
        }
        for summary in manifest.transitions
    ]
    left_out = (
        "Snapshots that are censored (the horizon has not passed), never contacted or unsettled (closed nobody knows "
        "when) have no label and are left out of the figures. Test leads are the latest; none of them was learnt from "
        "when the figures were made."
    )
    return [_facts(facts), table_markdown(rows), left_out]


def _features(manifest: ReleaseManifest) -> Iterator[str]:
    attributes = manifest.configuration.attributes
    yield (
        f"{len(manifest.features)} features. A fact counts if it happened and was recorded before the moment. A "
        "declared attribute counts as its availability says."
    )
    for group, columns in groupby(sorted(manifest.features, key=lambda column: column.group), lambda one: one.group):
        rows = [
            {"feature": column.name, "means": column.meaning, "unit": column.unit, "missing": column.missing}
            for column in columns
        ]
        yield f"**{markdown_text(group.replace('_', ' '))}**"
        yield table_markdown(rows)
    if attributes:
        yield "**availability of the declared attributes**"
        yield table_markdown(
            [
                {"attribute": name, "available": declared.availability, "allowed because": declared.allowed_because}
                for name, declared in attributes.items()
            ]
        )


def _figures(manifest: ReleaseManifest) -> Iterator[str]:
    for summary in manifest.transitions:
        yield f"**{markdown_text(evaluation_title(summary.at_acting_age))}**"
        yield table_markdown(evaluation_rows(summary.at_acting_age))
        yield f"**{summary.transition}: our model by the age at which it is asked**"
        yield table_markdown(age_rows(summary.evaluations))
    if manifest.chain is not None:
        yield f"**{markdown_text(chain_title(manifest.chain))}**"
        yield table_markdown(chain_rows(manifest.chain))


def _amounts(manifest: ReleaseManifest) -> list[str]:
    amounts = manifest.amounts
    brings = markdown_text(amount_text(amounts, manifest.currency))
    told = [f"{brings}. There are {amounts.n_deals:,} won leads with an amount."]
    if amounts.follows_profile:
        told.append(table_markdown(effect_rows(amounts)))
    if amounts.comparison is not None:
        told.append(table_markdown(comparison_rows(amounts.comparison)))
    return told


def _contact(manifest: ReleaseManifest) -> Iterator[str]:
    for summary in manifest.transitions:
        if summary.contact is None:
            yield (
                f"{summary.transition}: no report, because contact is assumed, the transition needs none, or too few "
                "leads were contacted or never contacted to tell."
            )
        else:
            yield _bullets(map(markdown_text, contact_summary(summary.contact)))
            yield table_markdown(contact_rows(summary.contact))


def _leaks(manifest: ReleaseManifest) -> Iterator[str]:
    for summary in manifest.transitions:
        looked = leak_summary(summary.leaks) if summary.leaks else [f"{summary.transition}: nobody looked"]
        yield _bullets(map(markdown_text, looked))
    if allowed := manifest.configuration.allowed_kinds:
        yield "Activity kinds that are allowed whatever the report says:"
        yield _facts({str(kind): because for kind, because in allowed.items()})


def _against(comparison: ChampionComparison | None) -> Iterator[str]:
    if comparison is None:
        yield "Nothing was in force when it was trained, or it could not be loaded."
        return
    champion = markdown_text(comparison.champion_id)
    if comparison.not_compared_because:
        yield f"Not compared with {champion}: {markdown_text(comparison.not_compared_because)}."
        return
    yield (
        f"Recipes, made of the same leads and judged on the same test, against {champion}. The difference is log loss "
        "(nats), ours less the champion's: below 0 ours is better."
    )
    yield table_markdown(recipe_rows(comparison))
    yield f"The champion as it was published, on leads that entered after its extract ({champion}):"
    told = [table_markdown(in_use_rows(comparison)), _bullets(map(markdown_text, not_yet_judged(comparison)))]
    yield from filter(None, told)


def _warnings(manifest: ReleaseManifest) -> Iterator[str]:
    for summary in manifest.transitions:
        if (warning := signal_warning(summary)) is not None:
            yield markdown_text(warning)
        if summary.validation == "grouped":
            yield f"{summary.transition}: chosen by other accounts of the same time, where what drifts does not show"
