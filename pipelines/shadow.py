"""Checked history in, the old rule against the model on its past weeks out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from data_contracts.check import open_checked
from data_contracts.configuration import Configuration
from data_contracts.errors import SettingsError, TooFewOutcomesError
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from data_contracts.shadow import OldRule, ShadowReport
from data_contracts.vocabulary import Transition
from features.build import build_training_table
from features.hand_offs import hand_off_leads, with_what_came
from features.known_before import known_before
from features.past import routed_leads
from models.fitted import FittedTransition
from models.recipe import Recipe
from models.release import inputs_of
from models.run_figures import shadow_start
from models.split import learning_rows
from models.thresholds import PAST_WEEKS
from models.train import fit_on
from models.weekly_scores import Training, Week, possible_weeks, refuse_too_few, scores_by_week, trained_scores
from pipelines.amounts import learn_amounts_of_wins
from pipelines.definitions import keep_definitions
from pipelines.in_force import refuse_lacking_attributes, refuse_redeclared, registry_of
from pipelines.shadow_files import write_shadow
from pipelines.store import Store
from serving.shadow import WEEK, ShadowPast, shadow_report
from serving.shadow_lists import HandOffs, hand_offs_on_both_terms
from serving.shadow_rule import old_rule

WEEKS, TRAIN_EVERY_WEEKS = 26, 4


@dataclass(frozen=True, slots=True)
class AskedWeeks:
    """The weeks that are looked at: since when (UTC, naive), how many, and after how many models are made anew."""

    begins: dt.datetime
    n: int
    train_every: int

    @property
    def ends(self) -> dt.datetime:
        """The last moment of the last week."""
        return self.begins + self.n * WEEK

    @property
    def trainings(self) -> list[dt.datetime]:
        """When models are made anew, the first time when the first week begins."""
        return [self.begins + week * WEEK for week in range(0, self.n, self.train_every)]


def shadow(
    settings: Settings,
    *,
    rule: str | None = None,
    weeks: int | None = None,
    until: dt.datetime | None = None,
    train_every_weeks: int = TRAIN_EVERY_WEEKS,
    say: Say = silent,
    warn: Say = silent,
) -> ShadowReport:
    """The old rule, as `old_rule` reads it, against the model on the last `weeks` weeks before `until` (UTC, naive).

    By default they are `WEEKS`, or as many as can be judged, and end with the extract. Every week is scored by models
    that were trained on what was known before it, under boundaries that were chosen before it. The report is kept in
    the store with its lists, and in a run of MLflow without them.

    Raises
    ------
    SettingsError
        Where there is no such rule, or the weeks end after the extract.
    TooFewOutcomesError
        Where too little was known before the first week; it says how many weeks are possible.
    SourceError
        Where the checked history lacks an attribute of the settings.
    """
    refuse_redeclared(settings, warn=warn)
    store, told = Store.of(settings), old_rule(settings, written=rule)
    with store.open_history() as engine:
        history = open_checked(engine).history
        refuse_lacking_attributes(history, settings)
        keep_definitions(store.folder, settings.definitions, by="leadscore shadow")
        ends = _end(history, until)
        n = weeks or _fitting_weeks(engine, history, settings, ends=ends, warn=warn)
        asked = AskedWeeks(ends - n * WEEK, n, train_every_weeks)
        first = first_training(engine, history, settings, asked)
        inputs = inputs_of(history, settings, tables=first.tables)
        start = shadow_start(inputs, Configuration.of(settings), rule=told.said, n_weeks=n)
        with registry_of(store).opened(start) as run_id:
            fitted = chosen_on(first, say=say)
            past, handed = hand_offs_of(
                engine, history, settings, rule=told, asked=asked, first=first, fitted=fitted, say=say
            )
            say("what became of the leads")
            handed = with_outcomes(engine, history, settings, handed)
            report = shadow_report(past, handed, settings)
            write_shadow(store, report, handed)
            registry_of(store).record_shadow(run_id, report)
    return report


def first_training(engine: Engine, history: CrmHistory, settings: Settings, asked: AskedWeeks) -> Training:
    """What was known when the first week begins.

    Raises `TooFewOutcomesError` where that is too little to learn from, with the number of weeks that are possible.
    """
    first = _training(engine, history, settings, at=asked.begins)
    try:
        refuse_too_few(first.tables, hint="")
    except TooFewOutcomesError:
        last = _training(engine, history, settings, at=asked.ends)
        n = possible_weeks(last.tables, until=asked.ends, fewer_than=asked.n)
        hint = f"{n} weeks are possible: --weeks {n}" if n else "no week is possible; load a longer history"
        refuse_too_few(first.tables, hint=hint)
    return first


def chosen_on(first: Training, *, say: Say = silent) -> Mapping[Transition, FittedTransition]:
    """Models whose recipes were chosen on what was known when the first week begins; they are made anew by these."""
    return {each: fit_on(table, learning_rows(table), say=say) for each, table in first.tables.items()}


def hand_offs_of(
    engine: Engine,
    history: CrmHistory,
    settings: Settings,
    *,
    rule: OldRule,
    asked: AskedWeeks,
    first: Training,
    fitted: Mapping[Transition, FittedTransition],
    say: Say = silent,
) -> tuple[ShadowPast, list[HandOffs]]:
    """Whom the rule and whom the model would have handed off in the weeks that are `asked` for.

    Nothing that became known in a week, or later, plays a part in the model's scores or boundaries of it.

    Parameters
    ----------
    rule
        What hands leads off until now.
    first, fitted
        What was known when the first week begins, and the models whose recipes were chosen on it.
    """
    attributes = settings.crm.attributes
    say(f"the leads of {asked.n} weeks and of the {PAST_WEEKS} before, as they were known")
    then = known_before(history, asked.ends, attributes=attributes)
    leads = hand_off_leads(engine, then, settings, weeks=asked.n + PAST_WEEKS)
    trained = []
    for number, at in enumerate(asked.trainings, start=1):
        say(f"training {number} of {len(asked.trainings)}: on what was known on {at:%Y-%m-%d}")
        training = first if number == 1 else _training(engine, history, settings, at=at)
        until = min(asked.ends, at + asked.train_every * WEEK)
        trained.append(trained_scores(leads.frame, training, fitted, until=until))
    say("thresholds of each week")
    # What is drawn by lot is no decision of either side.
    policy = settings.policy.model_copy(update={"exploration_share": 0.0})
    scored = scores_by_week(trained, _weeks(history, settings, asked), policy=policy, sampled_share=leads.sampled_share)
    moments = leads.frame.merge(scored, on="snapshot_id", validate="one_to_one")
    handed = hand_offs_on_both_terms(moments, rule, policy=policy, share=leads.sampled_share)
    past = ShadowPast(
        rule=rule,
        begins=asked.begins,
        n_weeks=asked.n,
        extracted_at=history.extracted_at,
        trained_at=tuple(asked.trainings),
        recipe=_recipe(fitted[settings.definitions.first_transition]),
        sampled_share=leads.sampled_share,
        data_fingerprint=history.fingerprint,
    )
    return past, handed


def with_outcomes(
    engine: Engine, history: CrmHistory, settings: Settings, handed: Sequence[HandOffs]
) -> list[HandOffs]:
    """`handed` with what had become of each lead by the extract."""
    sides = [side for one in handed for side in (one.rule, one.model)]
    every = pd.concat([side.drop(columns="order") for side in sides]).drop_duplicates("snapshot_id")
    told = with_what_came(engine, history, settings, hand_offs=every)
    came = told[["snapshot_id", *told.columns.difference(every.columns)]]
    return [
        replace(
            one,
            rule=one.rule.merge(came, on="snapshot_id", how="left", validate="one_to_one"),
            model=one.model.merge(came, on="snapshot_id", how="left", validate="one_to_one"),
        )
        for one in handed
    ]


def _end(history: CrmHistory, until: dt.datetime | None) -> dt.datetime:
    ends = history.extracted_at if until is None else until
    if ends > history.extracted_at:
        raise SettingsError(
            f"--until {ends:%Y-%m-%d} lies after the extract of {history.extracted_at:%Y-%m-%d}; give an earlier day"
        )
    return ends


def _fitting_weeks(engine: Engine, history: CrmHistory, settings: Settings, *, ends: dt.datetime, warn: Say) -> int:
    """`WEEKS`, or as many as can be judged where the history is too short for them; `warn` is told so then."""
    known = _training(engine, history, settings, at=ends)
    n = possible_weeks(known.tables, until=ends, fewer_than=WEEKS + 1)
    if 0 < n < WEEKS:
        warn(f"{n} weeks are looked at instead of {WEEKS}: before them, too little was known to learn from")
    return n or WEEKS


def _training(engine: Engine, history: CrmHistory, settings: Settings, *, at: dt.datetime) -> Training:
    """What was known at the moment `at`, of the transitions that leads are ranked by."""
    then = known_before(history, at, attributes=settings.crm.attributes)
    definitions = settings.definitions
    is_first_alone = settings.policy.ranked_by == "probability"
    asked = (definitions.first_transition,) if is_first_alone else tuple(definitions.transitions)
    tables = {each: build_training_table(engine, then, settings, transition=each) for each in asked}
    return Training(tables, learn_amounts_of_wins(then, tables))


def _weeks(history: CrmHistory, settings: Settings, asked: AskedWeeks) -> list[Week]:
    begins = [asked.begins + number * WEEK for number in range(asked.n)]
    return [Week(at, at + WEEK, _routed(history, settings, at=at)) for at in begins]


def _routed(history: CrmHistory, settings: Settings, *, at: dt.datetime) -> pd.DataFrame:
    return routed_leads(known_before(history, at, attributes=settings.crm.attributes), settings)


def _recipe(fitted: FittedTransition) -> str:
    chosen = fitted.summary.chosen
    return fitted.summary.estimator if chosen is None else Recipe.of(chosen).described()
