"""`docs/benchmarks.md`: what was run, one table a task, and in words where ours stands."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.models.figures import Result, Standing
from benchmarks.models.peer import AUTOGLUON_SECONDS, N_TRIALS
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE, BASE_RATE_BY_AGE
from data_contracts.wording import estimate_text, percent
from models.evaluate import N_RESAMPLES

REFERENCES = {BASE_RATE: "base rate of training", BASE_RATE_BY_AGE: "base rate by age"}
LEARNT_FROM = {"task_rows": "task's rows", "all_moments": "all moments"}
HEAD = ("model", "learnt from", "log loss", "less best peer", "less base rate by age", "AUC", "Brier", "slope", "ECE")
EFFORT = "CPU s"

MODELS = {
    "ours": "what `leadscore train` does before it judges: it chooses an estimator and a calibrator on forward folds "
    "and fits them on all training rows. As shipped it learns from all moments",
    "LightGBM, default": "`LGBMClassifier()`, categories as it takes them",
    "LightGBM, tuned": f"the best of {N_TRIALS} random draws of seven parameters, by log loss on our forward folds",
    "logistic regression, default": "C 1; one-hot categories, standardised numbers, medians and indicators for what "
    "is missing",
    "logistic regression, tuned": "the same with the best of eleven values of C, by log loss on our forward folds",
    "CatBoost, default": "`CatBoostClassifier()`, categories as it takes them",
    f"AutoGluon, at most {AUTOGLUON_SECONDS} s": 'default presets, `eval_metric="log_loss"`, no neural networks',
    "naive Bayes as in Odoo": "counts of each value among won and lost leads, 0.1 added to each; numbers in ten bins",
    "base rate of training": "one probability for everyone",
    "base rate by age": "ours: the rate at the lead's age in the stage, at the level of the latest matured period",
}
"""What takes part, in words."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the figures were made with: the versions of our libraries and of the peers', and the threads of each run."""

    ours: Mapping[str, str]
    peers: Mapping[str, str]
    n_threads: int


def page(results: Sequence[Result], *, surroundings: Surroundings) -> str:
    """The whole page."""
    return (
        "\n\n".join(
            [
                *_lead(surroundings),
                "## In short",
                _summary(results),
                *_how_to_read(),
                *(part for one in results for part in _task(one)),
            ]
        )
        + "\n"
    )


def _lead(surroundings: Surroundings) -> Iterable[str]:
    threads = "one thread" if surroundings.n_threads == 1 else f"{surroundings.n_threads} threads"
    yield "# Our models beside others, on public funnels"
    yield "Written by `python -m benchmarks.models`; do not edit. The data are not shipped."
    yield (
        "Every model gets the same features of the same leads, as our own check and features give them, and predicts "
        f"the same later leads. Each runs in a process of its own, on {threads} of a machine with {os.cpu_count()} "
        "cores. CPU seconds are those of the whole process: start, choice, fit and prediction."
    )
    yield f"Ours: {_listed(surroundings.ours)}. Peers: {_listed(surroundings.peers)}."
    yield "\n".join(["| model | what it is |", "|---|---|", *(_line(both) for both in MODELS.items())])


def _how_to_read() -> Iterable[str]:
    yield "## How to read it"
    yield (
        f"Figures have 95 % intervals from {N_RESAMPLES} resamples of accounts. A difference is the model's log loss "
        "less the other's on the same leads: below 0 the model is better, and an interval without 0 is more than "
        "chance. The best peer is the one with the least log loss on the test itself: it is chosen with luck that ours "
        "does not have."
    )
    yield (
        "`task's rows` are earlier leads on the same day in the stage as those judged. `all moments` are the snapshots "
        "of all days, one of day d weighing 1/(1 + d/7). Peers learn from both where that makes sense. The slope is "
        "that of the outcome on the predicted log-odds: 1 is calibrated, below 1 too extreme. ECE is the expected "
        "calibration error, corrected for its bias."
    )


def _task(result: Result) -> Iterable[str]:
    task, judged = result.task, result.task.judged()
    yield f"## {task.title}"
    sizes = f"{len(judged.train):,} rows to learn from ({percent(judged.train['converted'].mean())} converted)"
    if "all_moments" in task.row_sets:
        sizes += f", {len(task.split.train):,} with all moments"
    judged_rows = f"{len(judged.test):,} to judge ({percent(judged.test['converted'].mean())})"
    yield f"{task.note} `{task.name}`: {sizes}; {judged_rows}."
    head = [*HEAD, EFFORT]
    yield "\n".join([_line(head), _line(["---"] * len(head)), *(_line(_cells(one)) for one in result.standings)])
    yield verdict(result)
    failed = [one for one in result.standings if one.run is not None and one.figures is None]
    if failed:
        yield "\n".join(f"- {_name(one)} failed: {one.run.effort.failed_because}" for one in failed if one.run)
    chosen = [
        f"- {_name(one)}: {one.run.effort.chosen}" for one in result.standings if one.run and one.run.effort.chosen
    ]
    if chosen:
        yield "\n".join(["<details><summary>What was chosen</summary>", "", *chosen, "", "</details>"])


def verdict(result: Result) -> str:
    """In words, where each of ours stands against the best peer and against the base rate by age."""
    sentences = []
    for one in _ours(result):
        others = []
        if result.best_peer is not None and one.from_best_peer is not None:
            best = _name(result.standing(result.best_peer))
            others.append(f"{_compared(one.from_best_peer)} the best peer ({best})")
        if one.from_base_rate_by_age is not None:
            others.append(f"{_compared(one.from_base_rate_by_age)} the base rate by age")
        if others:
            sentences.append(f"{_name(one).capitalize()}, {' and '.join(others)}.")
    if result.task.remark and any(_loses(one.from_best_peer) for one in _ours(result)):
        sentences.append(result.task.remark)
    return " ".join(sentences)


def _summary(results: Sequence[Result]) -> str:
    """One line a task: ours as shipped beside the best peer."""
    head = ("task", "ours", "best peer", "its log loss", "difference", "so ours")
    return "\n".join([_line(head), _line(["---"] * len(head)), *(_line(_in_short(one)) for one in results)])


def _in_short(result: Result) -> list[str]:
    shipped = next(iter(_ours(result)), None)
    name = f"`{result.task.name}`"
    if shipped is None or shipped.figures is None or shipped.from_best_peer is None or result.best_peer is None:
        return [name, *["–"] * 5]
    best = result.standing(result.best_peer)
    return [
        name,
        estimate_text(shipped.figures.log_loss),
        _name(best),
        "" if best.figures is None else estimate_text(best.figures.log_loss),
        estimate_text(shipped.from_best_peer),
        _compared(shipped.from_best_peer).removesuffix(" to").replace("told from", "told apart"),
    ]


def _ours(result: Result) -> list[Standing]:
    """Our models that ran, as shipped first."""
    return [one for one in result.standings if one.run and one.run.contestant.is_ours and one.figures is not None]


def _loses(difference: Estimate | None) -> bool:
    return difference is not None and difference.low is not None and difference.low > 0


def _compared(difference: Estimate) -> str:
    if difference.low is None or difference.high is None:
        return "cannot be compared with"
    if _loses(difference):
        return "**loses** to"
    return "beats" if difference.high < 0 else "cannot be told from"


def _name(standing: Standing) -> str:
    if standing.run is None:
        return REFERENCES.get(standing.key, standing.key)
    contestant = standing.run.contestant
    return f"{contestant.said}, {LEARNT_FROM[contestant.row_set]}"


def _cells(standing: Standing) -> list[str]:
    run, figures = standing.run, standing.figures
    if run is None:
        name, rows = REFERENCES.get(standing.key, standing.key), ""
    else:
        name, rows = run.contestant.said, LEARNT_FROM[run.contestant.row_set]
        name = f"**{name}**" if run.contestant.is_ours else name
    if figures is None:
        return [name, rows, "failed", *[""] * 7]
    return [
        name,
        rows,
        estimate_text(figures.log_loss),
        _difference_text(standing.from_best_peer),
        _difference_text(standing.from_base_rate_by_age),
        estimate_text(figures.auc),
        estimate_text(figures.brier),
        estimate_text(figures.calibration_slope, least=2),
        estimate_text(figures.expected_calibration_error),
        "" if run is None else f"{run.effort.cpu_seconds:.1f}",
    ]


def _difference_text(difference: Estimate | None) -> str:
    return "" if difference is None else estimate_text(difference)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
