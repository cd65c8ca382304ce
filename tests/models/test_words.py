"""Which words of a free text become features."""

import numpy as np
import pandas as pd
import pytest

from models import words
from models.words import LEAST_ACCOUNTS, NO_WORD, frequent_words, word_indicators


def read(*texts: str, n_accounts: int = LEAST_ACCOUNTS) -> list[str]:
    """The words that are read where `n_accounts` accounts have each of `texts`."""
    rows = pd.Series([text for text in texts for _ in range(n_accounts)], dtype="str")
    return frequent_words(rows, np.tile(np.arange(n_accounts), len(texts)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("VP Marketing, EMEA", ["emea", "marketing", "vp"]),
        ("/pricing/enterprise-plan?v=2", ["2", "enterprise", "plan", "pricing", "v"]),
        ("2026_Q3_webinar", ["2026", "q3", "webinar"]),
        ("Geschäftsführer", ["geschaftsfuhrer"]),
        ("Директор по продажам", ["директор", "по", "продажам"]),
        ("営業部長", ["営業部長"]),
        ("C-Level C-Level", ["c", "level"]),
        ("--- !", []),
        ("", []),
    ],
)
def test_a_text_is_read_by_its_words_whatever_their_case_accents_and_script(text: str, said: list[str]) -> None:
    assert read(text) == said


def test_a_letter_written_in_two_ways_is_one_letter() -> None:
    """An umlaut is one sign, or a vowel with two dots that follow it."""
    assert read("Verkäufer") == read("Verka\N{COMBINING DIAERESIS}ufer") == ["verkaufer"]


def test_a_word_of_fewer_accounts_is_never_read_however_many_rows_have_it() -> None:
    assert read("smith", n_accounts=LEAST_ACCOUNTS - 1) == []
    assert read("sales", n_accounts=LEAST_ACCOUNTS) == ["sales"]
    rows = pd.Series(["call smith"] * 1_000, dtype="str")
    assert frequent_words(rows, np.arange(1_000) % (LEAST_ACCOUNTS - 1)) == []


def test_an_account_counts_once_in_whatever_texts_it_has_the_word() -> None:
    accounts = np.repeat(np.arange(LEAST_ACCOUNTS - 1), 2)
    rows = pd.Series(["head of sales", "sales manager"] * (LEAST_ACCOUNTS - 1), dtype="str")
    assert frequent_words(rows, accounts) == []
    more = pd.concat([rows, pd.Series(["inside sales"], dtype="str")])
    assert frequent_words(more, np.append(accounts, 99)) == ["sales"]


def test_of_too_many_words_those_of_the_most_accounts_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_WORDS", 2)
    rows = pd.Series(["a b"] * 30 + ["b"] * 10 + ["c"] * 25 + ["d"] * 25, dtype="str")
    assert frequent_words(rows, np.arange(len(rows))) == ["a", "b"]
    assert frequent_words(rows[30:], np.arange(len(rows) - 30)) == ["c", "d"]


def test_nobody_has_no_words() -> None:
    assert frequent_words(pd.Series([], dtype="str"), np.array([])) == []


def test_a_text_without_a_word_has_an_indicator_of_its_own() -> None:
    texts = pd.Series(["Head of Sales"] * LEAST_ACCOUNTS, dtype="str")
    reader = word_indicators(texts, np.arange(LEAST_ACCOUNTS))
    found = reader.fit_transform(["Sales sales", NO_WORD, " -- ", "plumber"]).toarray()
    assert reader.get_feature_names_out().tolist() == ["", "head", "of", "sales"]
    assert found.tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
