"""Where a lead stood at a moment, and since when, from the stage changes known then."""

import ibis
import ibis.expr.types as ir

from data_contracts.vocabulary import Stage, Transition

FUNNEL = tuple(Stage)
"""The stages in funnel order. Of two that were entered at the same time, the later one holds."""


def standing_stages(transition: Transition) -> tuple[Stage, ...]:
    """The stages in which a lead waits for `transition`: from its first stage up to the one before its last.

    Examples
    --------
    >>> [stage.value for stage in standing_stages(Transition.SQL_TO_WIN)]
    ['sql', 'opportunity']
    """
    return FUNNEL[FUNNEL.index(transition.from_stage) : FUNNEL.index(transition.to_stage)]


def reached_stages(stage: Stage) -> tuple[Stage, ...]:
    """The stages that show that a lead got as far as `stage`: itself and those beyond, up to `won`.

    `lost` shows nothing: leads are lost from every stage.

    Examples
    --------
    >>> [stage.value for stage in reached_stages(Stage.SQL)]
    ['sql', 'opportunity', 'won']
    """
    return FUNNEL[FUNNEL.index(stage) : FUNNEL.index(Stage.WON) + 1]


def ordered_changes(stage_changes: ir.Table) -> ir.Table:
    """The stage changes with `position` (order of entry in a lead) and `known_position` (order of becoming known).

    Also `known_from`, the later of `entered_at` and `recorded_at`. Compare positions within a lead only. A change that
    is not known yet shifts the positions of those that are, and never reorders them.
    """
    rank = stage_changes.stage.cases(*[(stage.value, rank) for rank, stage in enumerate(FUNNEL)])
    known_from = ibis.greatest(stage_changes.entered_at, stage_changes.recorded_at)
    ranked = stage_changes.select("lead_id", "stage", "entered_at", "recorded_at", rank=rank, known_from=known_from)
    by_entry = ibis.window(group_by="lead_id", order_by=["entered_at", "rank"])
    by_knowledge = ibis.window(group_by="lead_id", order_by=["known_from", "entered_at", "rank"])
    return ranked.mutate(
        position=ibis.row_number().over(by_entry), known_position=ibis.row_number().over(by_knowledge)
    ).drop("rank")


def stages_at(asked: ir.Table, changes: ir.Table) -> ir.Table:
    """The stage of each `lead_id` at its `as_of`: of those known, the one entered last. No row where none is known."""
    known = _known(asked, changes)
    return known.group_by("lead_id", "as_of").aggregate(stage=known.stage.argmax(known.position))


def spells_at(asked: ir.Table, changes: ir.Table, standing: tuple[Stage, ...]) -> ir.Table:
    """The spell in the `standing` stages that each `lead_id` is in at its `as_of`; no row where it is in none.

    A spell is a run of standing stages that no other stage has ended yet, as known at `as_of`.

    Parameters
    ----------
    asked
        `lead_id` and `as_of`, each pair once.
    changes
        What `ordered_changes` returns.

    Returns
    -------
    Table
        `lead_id`, `as_of`, `stage` (the current one), `spell_started_at`, `first_known` (the `known_position` of the
        change by which the spell came to be known).
    """
    known = _known(asked, changes)
    stands = known.stage.isin(standing)
    outside = stands.ifelse(ibis.null("int64"), known.position).max()
    known = known.mutate(last_outside=outside.over(ibis.window(group_by=["lead_id", "as_of"])))
    spell = known.filter(known.position > known.last_outside.fill_null(-1))
    return spell.group_by("lead_id", "as_of").aggregate(
        stage=spell.stage.argmax(spell.position),
        spell_started_at=spell.entered_at.min(),
        first_known=spell.known_position.min(),
    )


def _known(asked: ir.Table, changes: ir.Table) -> ir.Table:
    pairs = asked.select("lead_id", "as_of").join(changes, "lead_id")
    return pairs.filter(pairs.entered_at < pairs.as_of, pairs.recorded_at < pairs.as_of)
