"""Features as the matrix that a classifier reads. A word or text is looked up once, however many leads have it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from data_contracts.snapshots import TEXT

ROWS_AT_ONCE = 50_000
"""Leads whose numbers are transformed in one go: a few hundred megabytes at most, whatever the number of leads."""

PLAIN_ROWS_AT_ONCE = 8_000
"""The same where numbers are taken as they are. The matrix is then read while it is still near the processor."""

CATEGORY = "category"
"""The part of the features' transformer that turns words into indicators."""

CODES = "codes"
"""The part that turns words into numbers, which trees read as categories."""


@dataclass(frozen=True, slots=True)
class DesignBatch:
    """Some leads, one after the other, and what the classifier reads of them: one row a lead.

    The next batch may be written into the same `matrix`.
    """

    rows: slice
    matrix: np.ndarray


def fit_transform(transform: Pipeline, features: pd.DataFrame) -> np.ndarray:
    """What `transform.fit_transform(features)` gives, to the last bit; `transform` is fitted as it would be by that.

    Words are numbered before they are counted: encoders count numbers many times faster than words. Texts are left out
    until each different one is looked up: what reads them knows its words already.

    Parameters
    ----------
    transform
        The steps before the classifier: a `ColumnTransformer`, and what follows it.
    features
        A `model_frame`.
    """
    (_, parts), *after = transform.steps
    is_word = [name for part, _, columns in parts.transformers if part in (CATEGORY, CODES) for name in columns]
    numbered = {name: pd.factorize(features[name], sort=True) for name in is_word}
    codes = {name: np.where(codes < 0, np.nan, codes) for name, (codes, _) in numbered.items()}
    texts = {columns: "" for _, reader, columns in parts.transformers if isinstance(reader, CountVectorizer)}
    matrix = parts.fit_transform(features.assign(**codes, **texts))
    for part, encoder, columns in parts.transformers_:
        if part in (CATEGORY, CODES):
            encoder.categories_ = [_categories(*numbered[name]) for name in columns]
    for text in _texts(parts, features):
        matrix[:, text.place] = text.of(slice(None))
    for _, step in after:
        matrix = step.fit_transform(matrix)
    return np.asarray(matrix)


def design_batches(transform: Pipeline, features: pd.DataFrame) -> Iterator[DesignBatch]:
    """What `transform` makes of `features`, in batches that cover all rows in order; nothing where there are none.

    The values are those of `transform.transform(features)` to the last bit.

    Parameters
    ----------
    transform
        The steps before the classifier of a pipeline that `fit_estimator` returned: a `ColumnTransformer`, and what
        follows it.
    features
        A `model_frame`.
    """
    if len(features) == 0:
        return
    (_, parts), *after = transform.steps
    ones = _ones(parts, features)
    at_once = (
        PLAIN_ROWS_AT_ONCE if all(_is_plain(name, fitted) for name, fitted, _ in parts.transformers_) else ROWS_AT_ONCE
    )
    numbers, texts = _passed_through(parts, features) | _coded(parts, features), _texts(parts, features)
    matrix = np.empty((min(at_once, len(features)), _width(parts)))
    for start in range(0, len(features), at_once):
        rows = slice(start, min(start + at_once, len(features)))
        batch = matrix[: rows.stop - rows.start]
        _fill(batch, parts, features.iloc[rows], ones=ones[:, rows])
        for position, values in numbers.items():
            batch[:, position] = values[rows]
        for text in texts:
            batch[:, text.place] = text.of(rows)
        for _, step in after:
            batch = step.transform(batch)
        yield DesignBatch(rows, batch)


def category_widths(encoder: OneHotEncoder) -> list[int]:
    """The number of indicators of each feature: one a frequent category, and one for the rare ones if there are any."""
    rare = [0 if found is None else len(found) - 1 for found in encoder.infrequent_categories_]
    return [len(known) - fewer for known, fewer in zip(encoder.categories_, rare, strict=True)]


def _categories(codes: np.ndarray, words: pd.Index) -> np.ndarray:
    """The different words in order, and NaN as the last one where a code is missing (-1)."""
    known = words.to_numpy(dtype=object)
    return np.append(known, np.nan) if (codes < 0).any() else known


def _is_plain(name: str, fitted: Any) -> bool:
    """Whether a part of the transformer is words or a text, or numbers that are passed through."""
    return name in (CATEGORY, CODES) or isinstance(fitted, CountVectorizer) or _passes_through(fitted)


def _passes_through(fitted: Any) -> bool:
    return isinstance(fitted, FunctionTransformer) and fitted.func is None


def _width(parts: ColumnTransformer) -> int:
    return max(int(place.stop) for place in parts.output_indices_.values())


def _passed_through(parts: ColumnTransformer, features: pd.DataFrame) -> dict[int, np.ndarray]:
    """The numbers that are taken as they are, by their column of the design."""
    return {
        position: features[number].to_numpy()
        for name, fitted, columns in parts.transformers_
        if _passes_through(fitted)
        for position, number in enumerate(columns, start=parts.output_indices_[name].start)
    }


def _coded(parts: ColumnTransformer, features: pd.DataFrame) -> dict[int, np.ndarray]:
    """The codes of words, by their column of the design. The encoder is asked about each different word once."""
    found = {}
    for name, fitted, columns in parts.transformers_:
        if name == CODES:
            words = {column: pd.factorize(features[column], use_na_sentinel=False) for column in columns}
            known = fitted.transform(_side_by_side({column: different for column, (_, different) in words.items()}))
            for i, (codes, _) in enumerate(words.values()):
                found[parts.output_indices_[name].start + i] = known[:, i][codes]
    return found


@dataclass(frozen=True, slots=True)
class _Text:
    """A feature of texts.

    Attributes
    ----------
    place
        Its columns of the design.
    indicators
        Of the different texts: sparse, one row a text.
    of_lead
        Which of the texts each lead has.
    """

    place: slice
    indicators: Any
    of_lead: np.ndarray

    def of(self, rows: slice) -> np.ndarray:
        """The indicators of some leads."""
        return np.asarray(self.indicators[self.of_lead[rows]].toarray())


def _texts(parts: ColumnTransformer, features: pd.DataFrame) -> list[_Text]:
    """The texts. Each different one is split into words once."""
    found = []
    for name, fitted, column in parts.transformers_:
        if isinstance(fitted, CountVectorizer):
            of_lead, different = pd.factorize(features[column])
            found.append(_Text(parts.output_indices_[name], fitted.transform(different), of_lead))
    return found


def _fill(matrix: np.ndarray, parts: ColumnTransformer, features: pd.DataFrame, *, ones: np.ndarray) -> None:
    """Write the design of `features` into `matrix`, but for numbers that are taken as they are, codes and texts."""
    for name, fitted, columns in parts.transformers_:
        place = parts.output_indices_[name]
        if name == CATEGORY:
            matrix[:, place] = 0.0
            for column in ones:
                is_known = np.flatnonzero(column >= 0)
                matrix[is_known, column[is_known]] = 1.0
        elif not _is_plain(name, fitted):
            matrix[:, place] = fitted.transform(features[columns])


def _ones(parts: ColumnTransformer, features: pd.DataFrame) -> np.ndarray:
    """For each category (first axis) of each row, the column of the design that is 1; -1 where all are 0."""
    found = [np.empty((0, len(features)), dtype=np.int64)]
    for name, fitted, columns in parts.transformers_:
        if name == CATEGORY:
            found.append(_looked_up(fitted, features, columns, first=parts.output_indices_[name].start))
    return np.concatenate(found)


def _looked_up(encoder: OneHotEncoder, features: pd.DataFrame, columns: Sequence[str], *, first: int) -> np.ndarray:
    """As `_ones`. The encoder is asked about each different word once; it knows what is rare and what is missing."""
    coded = {name: pd.factorize(features[name], use_na_sentinel=False) for name in columns}
    known = encoder.transform(_side_by_side({name: words for name, (_, words) in coded.items()}))
    found, start = np.empty((len(columns), len(features)), dtype=np.int64), 0
    for i, width in enumerate(category_widths(encoder)):
        codes, words = coded[columns[i]]
        indicators = known[: len(words), start : start + width]
        position = np.where(indicators.any(axis=1), first + start + indicators.argmax(axis=1), -1)
        found[i] = position[codes]
        start += width
    return found


def _side_by_side(words: Mapping[str, pd.Index]) -> pd.DataFrame:
    """A frame with the different words of each feature, shorter columns filled up with their first word."""
    longest = max(len(found) for found in words.values())
    rows = np.arange(longest)
    return pd.DataFrame(
        {name: pd.Series(found, dtype=TEXT).iloc[np.where(rows < len(found), rows, 0)].array
         for name, found in words.items()}
    )  # fmt: skip
