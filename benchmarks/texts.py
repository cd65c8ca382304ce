"""What reading a text by its words gains over reading it as a category: made-up job titles, and public funnels.

python -m benchmarks.texts --seeds 10 --data ../shared/data
"""

import argparse
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.models.funnels import FILES, lacking_files, tasks_of
from data_contracts.sayings import Attribute
from data_contracts.snapshots import TEXT, FeatureColumn, FeatureType
from models.calibrate import clipped
from models.estimators import Setting, lightgbm_setting, logistic_setting
from models.fit import Fitter, HeldOut
from models.recipe import Recipe
from models.select import FIRST_PENALTY, Gain, paired_gain
from models.split import Split

SETTINGS: Mapping[str, Setting] = {
    "logistic regression": logistic_setting(FIRST_PENALTY),
    "LightGBM": lightgbm_setting(0, categories="native"),
}
"""Those that the search begins with. They are fixed, so that a difference is the text's."""

N_DRAWS = 5
"""Models of a public funnel, by the seed of what LightGBM draws: alone it moves figures of the bank by a hundredth."""

SENIORITIES = {
    "Chief": 1.2, "VP": 0.9, "Director": 0.5, "Head": 0.4, "Manager": 0.0, "Specialist": -0.4, "Assistant": -0.9,
    "Intern": -1.4,
}  # fmt: skip
"""What each adds to the log-odds. Nothing else in a title says anything."""

DEPARTMENTS = ("Marketing", "Sales", "Finance", "IT", "Operations", "HR", "Procurement", "Legal", "Product", "Data")
N_QUALIFIERS = 60
"""Regions, products and the like behind the department: with them nearly every title is one of its own."""

N_NONSENSE = 200
"""Words of the text that says nothing, some frequent and most rare; each text has three."""

TITLE, NONSENSE, VISITS = "title", "nonsense", "visits"
FROM = dt.datetime(2024, 1, 1)  # noqa: DTZ001  times are UTC without a zone
TEST_FROM = FROM + dt.timedelta(days=540)


def titles_split(seed: int, *, n_leads: int = 4_000) -> Split:
    """Leads of two years, two an account, each looked at once: earlier ones to learn from, the last quarter to judge.

    Their outcomes depend on their visits and on the seniority in their `TITLE`. One in ten has no title.
    """
    random = np.random.default_rng(seed)
    senior = random.choice(list(SENIORITIES), n_leads)
    effect = pd.Series(senior).map(SENIORITIES).to_numpy()
    is_known = random.random(n_leads) > 0.1
    visits = random.poisson(2.0, n_leads).astype(float)
    converted = random.random(n_leads) < expit(-1.5 + 0.4 * (visits - 2) + effect * is_known)
    department, qualifier = random.choice(DEPARTMENTS, n_leads), random.integers(0, N_QUALIFIERS, n_leads)
    titles = [f"{a}, {b} (Unit {c})" for a, b, c in zip(senior, department, qualifier, strict=True)]
    share = 1 / np.arange(1, N_NONSENSE + 1)
    nonsense = random.choice([f"word{i}" for i in range(N_NONSENSE)], (n_leads, 3), p=share / share.sum())
    leads = pd.DataFrame(
        {
            "lead_id": np.arange(n_leads).astype(str),
            "group_id": np.char.add("A", (random.permutation(n_leads) // 2).astype(str)),
            "as_of": FROM + pd.to_timedelta(np.sort(random.uniform(0, 720, n_leads)), unit="D").floor("s"),
            VISITS: visits,
            TITLE: pd.Series(np.where(is_known, titles, None), dtype=TEXT),
            NONSENSE: pd.Series([" ".join(words) for words in nonsense], dtype=TEXT),
            "converted": converted,
            "weight": 1.0,
        }
    )
    is_early = leads["as_of"] < TEST_FROM
    return Split(leads[is_early], leads[~is_early], test_from=TEST_FROM)


def columns_of(*, title: FeatureType | None = None, nonsense: FeatureType | None = None) -> tuple[FeatureColumn, ...]:
    """The columns of `titles_split`, with the title and the nonsense read so; left out where None."""
    read: dict[str, FeatureType | None] = {VISITS: "number", TITLE: title, NONSENSE: nonsense}
    return tuple(FeatureColumn(name, kind, "", Attribute(name), "") for name, kind in read.items() if kind is not None)


def gain_of(
    setting: Setting,
    split: Split,
    *,
    before: tuple[FeatureColumn, ...],
    after: tuple[FeatureColumn, ...],
    seed: int = 0,
) -> Gain:
    """By how much the columns `after` lower the log loss of `before` on the test rows, with its error by account."""
    first, second = (
        clipped(Fitter(columns, seed).predicted(Recipe((setting,)), split.train, split.test, at=None))
        for columns in (before, after)
    )
    return paired_gain(first, second, HeldOut.of(split.test, second))


def read_as(columns: Iterable[FeatureColumn], names: Sequence[str], kind: FeatureType) -> tuple[FeatureColumn, ...]:
    """`columns`, those called `names` read as `kind`."""
    return tuple(replace(column, type=kind) if column.name in names else column for column in columns)


def made_up(seeds: Iterable[int]) -> Iterator[str]:
    """A line for each question and estimator, over the histories of `seeds`."""
    questions = {
        "titles: words over category": (columns_of(title="category"), columns_of(title="text")),
        "titles: category over nothing": (columns_of(), columns_of(title="category")),
        "nonsense: words over nothing": (columns_of(), columns_of(nonsense="text")),
        "nonsense: category over nothing": (columns_of(), columns_of(nonsense="category")),
    }
    splits = [titles_split(seed) for seed in seeds]
    for question, (before, after) in questions.items():
        for name, setting in SETTINGS.items():
            gains = [gain_of(setting, split, before=before, after=after) for split in splits]
            found = np.array([gain.value for gain in gains])
            error = found.std(ddof=1) / np.sqrt(len(found))
            clear = sum(gain.exceeds(2) for gain in gains)
            lost = sum(gain.value < -2 * gain.standard_error for gain in gains)
            yield f"{question:<34}{name:<22}{found.mean():8.4f} ± {error:.4f}{clear:>6}{lost:>6} of {len(found)}"


def public(data: Path) -> Iterator[str]:
    """A line for each estimator on Olist's landing pages and on the jobs of Bank Marketing, where the files are."""
    for funnel, names in (("olist", ["attribute_landing_page"]), ("bank_marketing", ["job"])):
        if lacking_files(funnel, data):
            yield f"{funnel}: left out, {', '.join(FILES[funnel])} not found in {data / funnel}"
            continue
        for task in tasks_of(funnel, data):
            texts = read_as(task.table.columns, names, "text")
            for name, setting in SETTINGS.items():
                gains = [
                    gain_of(setting, task.judged(), before=task.table.columns, after=texts, seed=seed)
                    for seed in range(N_DRAWS)
                ]
                each = ", ".join(f"{gain.value:.4f}" for gain in gains)
                question = f"{funnel}, {names[0]}: words over category"
                yield f"{question:<56}{name:<22}{each} (± {gains[0].standard_error:.4f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print gains in log loss on later leads; ± is one standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="made-up histories")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with the public funnels")
    asked = parser.parse_args(arguments)
    print(f"{'':<56}{'gain in log loss':<18}clear  lost")
    for line in made_up(range(asked.seeds)):
        print(line, flush=True)
    for line in public(asked.data):
        print(line, flush=True)


if __name__ == "__main__":
    main()
