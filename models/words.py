"""Which words of a free text a model reads: those that leads of many accounts share."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

LEAST_ACCOUNTS = 20
"""Accounts below which a word is never read. Fewer say little about a rate, and a word that few share may name a
person."""

MOST_WORDS = 100
"""The most words of a text that are read, those of the most accounts. Bounds the width of the design matrix."""

NO_WORD = ""
"""What stands for a text without a word: a missing one."""

_WORD = rf"[^\W_]+|^(?=[\W_]*$){NO_WORD}"
"""Letters and digits of any script, one or more; `NO_WORD` where a text has none."""


def word_indicators(texts: pd.Series, account: np.ndarray) -> CountVectorizer:
    """What turns a text into one indicator (0.0 or 1.0) for each of its `frequent_words`, and one for no word at all.

    It is scikit-learn's own and knows its words already: fitting it learns nothing.
    """
    words = frequent_words(texts, account)
    return _reading(vocabulary=[NO_WORD, *words])


def frequent_words(texts: pd.Series, account: np.ndarray) -> list[str]:
    """The words that stand in texts of at least `LEAST_ACCOUNTS` accounts, at most `MOST_WORDS`, in order of the
    alphabet.

    Upper and lower case are one word, and so are letters with an accent and without.

    Parameters
    ----------
    texts
        One a row, missing as "".
    account
        The account of each row.
    """
    if len(texts) == 0:
        return []
    place, different = pd.factorize(texts)
    reader = _reading()
    words_of = reader.fit_transform(different)
    owner, _ = pd.factorize(account)
    has_text = sp.csr_array((np.ones(len(texts)), (owner, place)), shape=(owner.max() + 1, len(different)))
    # Every entry of the product is above 0: a word of an account stands there once, however many of its rows have it.
    n_accounts = np.bincount((has_text @ words_of).indices, minlength=words_of.shape[1])
    counted = zip(reader.get_feature_names_out(), n_accounts, strict=True)
    known = sorted((-n, word) for word, n in counted if n >= LEAST_ACCOUNTS and word != NO_WORD)
    return sorted(str(word) for _, word in known[:MOST_WORDS])


def _reading(*, vocabulary: list[str] | None = None) -> CountVectorizer:
    """What splits texts into words."""
    return CountVectorizer(
        binary=True, strip_accents="unicode", token_pattern=_WORD, vocabulary=vocabulary, dtype=np.float64
    )
