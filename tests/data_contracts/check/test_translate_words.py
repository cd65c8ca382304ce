from data_contracts.check.deliver import receive
from data_contracts.check.read_values import type_rows
from data_contracts.check.translate_words import find_words, unmapped_breaches
from data_contracts.columns import ATTRIBUTE_CHANGES, STAGE_CHANGES
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import LENIENT, activity, change, lead, raw, settings


def stages(engine, *words, **mapping):
    """The stages that the given words became."""
    changes = [change("l0", word, f"2026-02-{day:02d}") for day, word in enumerate(words, 1)]
    judged = judge_rows(raw({"leads": [lead("l0")], "stage_changes": changes}, engine=engine), settings(stages=mapping))
    by_time = sorted(judged.tables["stage_changes"], key=lambda row: row["entered_at"])
    return [row["stage"] for row in by_time]


def test_our_own_words_need_no_mapping_whatever_their_case_and_blanks(engine):
    assert stages(engine, "mql", " SQL ", "Opportunity") == ["mql", "sql", "opportunity"]


def test_a_word_of_the_settings_is_compared_without_case_blanks_hyphens_and_underscores(engine):
    mapping = {"Sales Qualified": "sql"}
    assert stages(engine, "Sales Qualified", "sales-qualified", "SALES_QUALIFIED ", **mapping) == ["sql", "sql", "sql"]


def test_the_settings_go_before_our_own_words(engine):
    assert stages(engine, "lead", "mql", Lead="mql") == ["mql", "mql"]


def test_words_that_differ_in_case_only_are_told_apart_where_the_settings_map_both(engine):
    assert stages(engine, "Open", "open", Open="sal", open="sql") == ["sal", "sql"]


def test_a_word_that_could_mean_two_stages_is_not_mapped(engine):
    assert stages(engine, "OPEN", "mql", Open="sal", open="sql") == ["mql"]


def test_rows_with_a_word_that_nothing_maps_are_refused(engine):
    rows = {"leads": [lead("l0")], "stage_changes": [change("l0"), change("l0", "opportunty", "2026-02-02")]}
    judged = judge_rows(raw(rows, engine=engine))
    assert judged.refused("stage_changes") == [(2, "stage.in_vocabulary")]
    assert "stage 'opportunty' is none of lead, mql, sal" in judged.reason("stage_changes.stage.in_vocabulary")
    assert "map it in the settings" in judged.reason("stage_changes.stage.in_vocabulary")


def test_a_missing_direction_stays_missing(engine):
    rows = {
        "leads": [lead("l0")],
        "activities": [activity("a0", "l0", direction=" "), activity("a1", "l0", direction="OUTBOUND")],
    }
    judged = judge_rows(raw(rows, engine=engine))
    assert judged.column("activities", "direction") == [None, "outbound"]


def breaches(engine, words, mapping=LENIENT):
    rows = {"leads": [lead("l0")], "stage_changes": [change("l0", word) for word in words]}
    history = raw(rows, engine=engine)
    (_, changes) = receive(history, mapping.crm)
    words = find_words(engine, type_rows(engine, changes), changes, crm=mapping.crm)
    return unmapped_breaches(words, STAGE_CHANGES, "stage")


def test_each_word_that_nothing_maps_is_one_breach_with_its_rows_and_the_section_to_add_it_to(engine):
    found = [str(breach) for breach in breaches(engine, ["opportunty"] * 12 + ["mql", "Closed!"])]
    allowed = "lead, mql, sal, sql, opportunity, won, lost, disqualified, nurture"
    assert found == [
        f"stage_changes: 'opportunty' (12 rows) is not mapped; add it to [crm.stages] in the settings file ({allowed})",
        f"stage_changes: 'Closed!' (1 row) is not mapped; add it to [crm.stages] in the settings file ({allowed})",
    ]


def test_a_column_full_of_strange_words_does_not_flood_the_error(engine):
    found = breaches(engine, [f"word {i}" for i in range(45)] + ["long " * 100])
    assert len(found) == 40 + 1
    assert found[-1].found == "6 more words of stage (6 rows) are not mapped"
    assert max(len(breach.found) for breach in found) < 120


def test_a_column_that_the_settings_do_not_map_is_to_be_translated_in_the_select(engine):
    rows = [{"object": "contact", "object_id": "l0", "attribute": "role", "new_value": "x", "changed_at": "2026-02-01"}]
    history = raw({"attribute_changes": rows}, engine=engine)
    (changes,) = receive(history, LENIENT.crm)
    words = find_words(engine, type_rows(engine, changes), changes, crm=LENIENT.crm)
    (breach,) = unmapped_breaches(words, ATTRIBUTE_CHANGES, "object")
    assert words.count().to_pyarrow().as_py() == 1
    assert breach.remedy == "let the SELECT of attribute_changes translate it into one of lead, account, opportunity"
