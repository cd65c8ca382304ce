import datetime as dt

from data_contracts.vocabulary import Transition
from models.run_notes import Reference, changes, note, transition_note
from tests.example_release import manifest, summary

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def told(*, estimator: str = "lightgbm", **changed: object):
    return manifest(summary(FIRST, estimator=estimator), summary(SECOND, estimator="base_rate_by_age"), **changed)


def test_what_differs_is_said_in_words_and_nothing_else():
    before = told()
    assert changes(before, before) == ()
    configuration = before.configuration
    definitions = configuration.definitions.model_copy(update={"version": "2026.2"})
    attributes = {"industry": configuration.attributes["industry"], "region": configuration.attributes["industry"]}
    after = told(
        estimator="blend",
        configuration=configuration.model_copy(update={"definitions": definitions, "attributes": attributes}),
        extracted_at=dt.datetime(2026, 6, 1),
        data_fingerprint="f2" * 8,
        libraries={"numpy": "2.5.0"},
    )
    assert changes(before, after) == (
        "version 2026.1 -> 2026.2",
        "attribute employees removed",
        "attribute region added",
        "extract of 2026-05-01 -> 2026-06-01",
        "mql_to_sql.estimator lightgbm -> blend",
        "library numpy 2.4.6 -> 2.5.0",
        "other history",
    )


def test_a_note_has_a_row_a_transition_and_names_the_release_it_is_told_apart_from():
    lines = note(told(), Reference(told(estimator="blend", release_id="before"), "version 3, then in production"))
    assert (
        "| mql_to_sql within 30 days | lightgbm | 1,200 leads, 0.250 converted | 0.050 [0.040, 0.060] "
        "| 0.700 [0.680, 0.720] at entry | 1.00 [0.90, 1.10] |"
    ) in lines
    assert lines.endswith(
        "What differs from `before`, version 3, then in production:\n\n- mql_to_sql.estimator blend -> lightgbm"
    )
    assert "What differs" not in note(told())
    pages = {FIRST: "#/experiments/2/runs/f1"}
    assert "| [mql_to_sql](#/experiments/2/runs/f1) within 30 days | lightgbm |" in note(told(), pages=pages)


def test_a_transition_lists_what_was_tried_and_says_where_its_runs_are():
    lines = transition_note(summary(FIRST, estimator="lightgbm"), run_id="f1").splitlines()
    assert lines[0] == (
        "mql_to_sql: what was tried (log loss on later leads, in time order). Each is a run of the experiment "
        "lead-scoring-candidates: search for `tags.mlflow.parentRunId = 'f1'` there."
    )
    assert lines[2].startswith("| model | parameters | calibrator | log loss | more than chosen | standard error |")
    assert lines[4].startswith(
        "| logistic regression | C=0.3, recent_days=all, half_life_days=never, young=left out | sigmoid | 0.4500 |"
    )
