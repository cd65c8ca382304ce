"""A table whose features know nothing: what a model finds in it, it would find anywhere."""

from dataclasses import replace

import numpy as np

from data_contracts.snapshots import DAYS_IN_STAGE, LabelledTable


def permuted(table: LabelledTable, *, seed: int) -> LabelledTable:
    """`table` with its features shuffled among the snapshots of a day, rows kept together.

    `days_in_stage` stays where it is: the base rate by age is what the rest is held against. Outcomes, accounts, times
    and the points of the hand-tuned rule stay too.
    """
    random = np.random.default_rng(seed)
    names = [column.name for column in table.columns if column.name != DAYS_IN_STAGE]
    taken_from = np.arange(len(table.frame))
    for rows in table.frame.groupby("day", sort=True).indices.values():
        taken_from[rows] = random.permutation(rows)
    shuffled = table.frame[names].iloc[taken_from].set_axis(table.frame.index)
    return replace(table, frame=table.frame.assign(**{name: shuffled[name] for name in names}))
