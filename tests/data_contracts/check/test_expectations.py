"""Great Expectations judges the same promises as the quarantine, inside the engine, and counts the same."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from data_contracts.check import expectations, suites
from data_contracts.check.expectations import ExpectBreachingRowsToBeFew
from data_contracts.columns import TABLES
from data_contracts.errors import ContractError
from data_contracts.rules import row_rules
from engines.duckdb import DuckDbEngine
from tests.data_contracts.raw_rows import LENIENT, activity, change, check, deal, lead, many, raw, settings, stopped_by

pytestmark = pytest.mark.whole

ALMOST_EVERY_BREACH = {
    "accounts": [
        {"account_id": "c0", "created_at": "2026-01-01"},
        {"account_id": "c0", "created_at": "x"},
        {"account_id": None, "created_at": "2027-01-01"},
    ],
    "leads": [
        *(lead(f"l{i}", "2026-01-01") for i in range(6)),
        lead("l0"),
        lead(None, None),
        lead("bad", "soon"),
        lead("future", "2027-01-01"),
        lead("m0", merged_into="l0", merged_at="2026-03-01"),
        lead("m1", merged_into="l9", merged_at="2025-12-31"),
        lead("m2", merged_into="m3", merged_at="2027-01-01"),
        lead("m3", merged_into="m2", merged_at="x"),
        lead("m4", merged_into="m5"),
        lead("m5", merged_into="m4"),
    ],
    "activities": [
        activity("a0", "l0", recorded_at="2026-02-02", duration_seconds="-1"),
        activity("a0", "l1", "x", recorded_at="y", duration_seconds="z"),
        activity("a0", "l9", "2027-01-01", recorded_at="2027-01-01"),
        activity(None, None, None, kind=None),
    ],
    "stage_changes": [
        change("l0", recorded_at="2026-02-02"),
        change("m0", recorded_at="2026-02-02"),
        change("l1", entered_at="2025-12-31", recorded_at="2025-12-30"),
        change("l9", None, "x", recorded_at="y"),
        change(None, "sal", None, recorded_at="2027-01-01"),
        change("l2", "sal", "2027-01-01"),
    ],
    "opportunities": [
        deal("o0", "l0", amount="1", closed_at="2026-04-01", expected_close_at="2027-01-01"),
        deal("o0", "l9", amount="-1", closed_at="2026-02-01", expected_close_at="x", margin="x", churned_at="x"),
        deal("o4", "l0", closed_at="2026-04-01", churned_at="2026-03-31", margin="-1"),
        deal(None, None, amount="x", created_at=None, closed_at="x", outcome=None),
        deal("o1", "l1", created_at="2025-01-01", closed_at="2027-01-01"),
        deal("o2", "l1", created_at="2027-01-01"),
        deal("o3", "l1", created_at="x"),
    ],
    "attribute_changes": [
        {"object": "lead", "object_id": "l0", "attribute": "role", "new_value": "a", "changed_at": "2026-02-01"},
        {"object": "lead", "object_id": "l0", "attribute": "role", "new_value": "b", "changed_at": "2026-02-01"},
        {"object": None, "object_id": None, "attribute": None, "changed_at": None},
        {"object": "account", "object_id": "c0", "attribute": "industry", "changed_at": "x"},
        {"object": "account", "object_id": "c0", "attribute": "industry", "changed_at": "2027-01-01"},
    ],
    "spend": [
        {"period_start_at": "2026-01-01", "source": "Web", "amount": "5"},
        {"period_start_at": "2026-01-01", "source": "Web", "amount": "-5"},
        {"period_start_at": None, "source": None, "amount": None},
        {"period_start_at": "x", "source": "Web", "amount": "y"},
        {"period_start_at": "2027-01-01", "source": "Web", "amount": "1"},
    ],
    "sellers": [
        {"owner_id": "u0", "team": "north", "time_zone": "Europe/Berlin"},
        {"owner_id": "u0", "time_zone": "Europe/Berlin"},
        {"owner_id": None, "time_zone": "Mars/Olympus"},
    ],
}  # fmt: skip
"""Breaks every row rule but those on vocabularies, which stop the run."""


def counts_of(verdicts):
    """Breaching rows by row rule, as Great Expectations counted them."""
    rules = {rule.id for contract in TABLES.values() for rule in row_rules(contract)}
    return {verdict.rule: verdict.unexpected for verdict in verdicts if verdict.rule in rules}


def test_great_expectations_counts_the_same_breaches_as_the_quarantine_for_every_rule():
    checked = check(raw(ALMOST_EVERY_BREACH), LENIENT)
    quarantined = {rule: n for check in checked.report.tables for rule, n in check.breaches.items()}
    counted = counts_of(checked.report.verdicts)
    assert {rule: n for rule, n in counted.items() if n} == quarantined
    unbroken = {rule for rule, n in counted.items() if not n}
    assert {rule.rsplit(".", 1)[-1] for rule in unbroken} == {"in_vocabulary"}, "the example breaks every other rule"
    assert len(counted) == sum(len(list(row_rules(contract))) for contract in TABLES.values())


def test_a_word_that_nothing_maps_is_counted_alike_too():
    broken = {
        "leads": [lead("l0")],
        "activities": [activity("a0", "l0", kind="telegram", direction="sideways")],
        "stage_changes": [change("l0", "wished for")],
        "opportunities": [deal("o0", "l0", outcome="hoped for", currency="CHF")],
        "attribute_changes": [
            {"object": "pet", "object_id": "p", "attribute": "role", "new_value": "x", "changed_at": "2026-02-01"}
        ],
    }
    assert [breach.rule for breach in stopped_by(raw(broken), LENIENT)] == [
        "activities.kind.in_vocabulary",
        "activities.direction.in_vocabulary",
        "stage_changes.stage.in_vocabulary",
        "opportunities.currency.in_vocabulary",
        "opportunities.outcome.in_vocabulary",
        "attribute_changes.object.in_vocabulary",
    ]


def test_a_rule_may_be_broken_by_as_many_rows_as_agreed_of_all_rows_not_of_those_that_have_a_value():
    rows = many(100)
    rows["leads"][0] |= {"merged_into": "l1", "merged_at": "2025-01-01"}
    checked = check(raw(rows), settings(max_refused_share=0.02))
    broken = [verdict for verdict in checked.report.verdicts if verdict.rule == "leads.merged_at.not_before"]
    assert [(verdict.success, verdict.unexpected) for verdict in broken] == [(True, 1)], (
        "1 of 100 leads, though 1 of 1 mergers"
    )


def test_the_share_is_judged_of_all_rows_and_nothing_is_unexpected_in_an_empty_table():
    expectation = ExpectBreachingRowsToBeFew(unexpected_rows_query="SELECT * FROM {batch}", mostly=0.95)

    def judged(unexpected, rows):
        return expectation._validate({"table.row_count": rows, "unexpected_rows_query.row_count": unexpected})

    assert judged(5, 100)["success"]
    assert not judged(6, 100)["success"]
    assert judged(0, 0) == {
        "success": True,
        "result": {"element_count": 0, "unexpected_count": 0, "unexpected_percent": 0.0},
    }


def pages_of(docs: Path):
    return {str(page.relative_to(docs)): page.read_text(encoding="utf-8") for page in docs.rglob("*.html")}


def test_data_docs_are_static_pages_without_a_value_of_any_row_and_load_nothing(tmp_path: Path):
    rows = many(30)
    rows["leads"][3] |= {"lead_id": "jane.doe@example.com", "created_at": "not for your eyes"}
    rows["stage_changes"][4] |= {"lead_id": "unknown-lead-77"}
    stopped_by(raw(rows), settings(max_refused_share=0.0), data_docs=tmp_path / "docs")
    pages = pages_of((tmp_path / "docs").resolve())
    (run,) = [folder.name for folder in (tmp_path / "docs" / "runs").iterdir()]
    names = {"index.html", "leads.html", "stage_changes.html"}
    assert set(pages) == {"index.html", *(f"runs/{run}/{name}" for name in names)}
    text = "".join(pages.values())
    for value in ("jane", "not for your eyes", "unknown-lead-77", "2026-02-01"):
        assert value not in text
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text) == []
    assert "<script" not in text
    assert "@import" not in text
    assert "at most 0 % of the rows are refused" in pages[f"runs/{run}/leads.html"]
    told = pages[f"runs/{run}/index.html"]
    row = '<td><a href="leads.html">leads</a></td> <td class="number">30</td> <td class="number">1</td>'
    assert row in " ".join(told.split())
    assert '<span class="bad">refused</span>' in told
    for rule in ("leads.created_at.has_type", "stage_changes.lead_id.references"):
        assert f"<code>leadscore quarantine --rule {rule}</code>" in told


def test_every_link_of_the_data_docs_leads_to_a_page(tmp_path: Path):
    for share in (0.0, 1.0):
        rows = many(30)
        rows["leads"][3]["created_at"] = "soon"
        with suppress(ContractError):
            check(raw(rows), settings(max_refused_share=share), data_docs=tmp_path / "docs")
    docs = (tmp_path / "docs").resolve()
    pages = pages_of(docs)
    assert len(pages) == 1 + 2 * 3
    for name, page in pages.items():
        for link in re.findall('href="([^"#]+)(?:#breached)?"', page):
            if "/expectations/" not in link:  # inert: Great Expectations' page on a suite, which is not written
                assert (docs / name).parent.joinpath(link).is_file(), f"{link} in {name}"
    outcomes = re.findall('<td class="(?:good|bad)">([a-z]+)</td>', pages["index.html"])
    assert outcomes == ["accepted", "refused"]


def test_the_engine_is_free_again_after_it_was_judged(tmp_path: Path):
    engine = DuckDbEngine.opened(tmp_path / "history.duckdb")
    check(raw(many(3), engine=engine), LENIENT)
    engine.backend.con.execute("DROP TABLE leads")
    engine.backend.con.execute("CHECKPOINT")
    engine.close()
    tables = DuckDbEngine.opened(tmp_path / "history.duckdb", read_only=True).tables()
    assert {"stage_changes", "quarantine", "check_report"} <= tables
    assert "leads" not in tables


def test_an_attribute_that_holds_one_address_and_one_number_stops_the_run():
    rows = many(40)
    rows["leads"][7]["role"], rows["leads"][9]["role"] = "a.b@example.org", "+49 170 1234567"
    (breach,) = stopped_by(raw(rows))
    assert breach.found == "role looks like an email address or a phone number in 2 rows"


def test_a_rule_whose_query_fails_is_no_verdict(monkeypatch):
    monkeypatch.setattr(suites, "_breaching", lambda *_: "SELECT nothing FROM nowhere, {batch}")
    with pytest.raises(RuntimeError, match="Great Expectations could not judge"):
        check(raw(many(40)), LENIENT)


def test_an_expectation_that_raises_is_no_verdict(monkeypatch):
    def broken(*_: object, **__: object):
        raise ZeroDivisionError

    monkeypatch.setattr(ExpectBreachingRowsToBeFew, "_validate", broken)
    with pytest.raises(RuntimeError, match="Great Expectations could not judge"):
        check(raw(many(40)), LENIENT)


def test_an_exception_is_seen_in_what_is_told_of_an_expectation_or_of_one_of_its_metrics():
    raised, none = {"raised_exception": True, "exception_message": "x"}, {"raised_exception": False}
    assert expectations._was_raised(raised)
    assert expectations._was_raised({"metric 1": none, "metric 2": raised})
    assert not expectations._was_raised({"raised_exception": False, "exception_message": "'raised_exception': True"})
    assert not expectations._was_raised({"metric 1": none})


def test_an_expectation_that_great_expectations_would_leave_out_stops_the_check(monkeypatch):
    about_columns = suites._about_columns

    def misspelt(expected):
        for promise in about_columns(expected):
            yield replace(promise, expectation=replace(promise.expectation, type="expect_colum_to_exist"))

    monkeypatch.setattr(suites, "_about_columns", misspelt)
    with pytest.raises(RuntimeError, match=r"took 0 of the \d+ expectations of delivered_leads"):
        check(raw({"leads": [lead("a")], "stage_changes": [change("a")]}))


def test_an_expectation_without_a_result_stops_the_check(monkeypatch):
    run = expectations.gx.Checkpoint.run

    def forgetful(checkpoint, **options):
        result = run(checkpoint, **options)
        for part in result.run_results.values():
            part.results = part.results[1:]
        return result

    monkeypatch.setattr(expectations.gx.Checkpoint, "run", forgetful)
    with pytest.raises(RuntimeError, match=r"judged \d+ of the \d+ expectations of delivered_leads"):
        check(raw(many(3)), LENIENT)


def test_one_checkpoint_runs_once_over_a_suite_on_the_delivery_and_one_on_the_rows_of_each_table(monkeypatch):
    ran = []
    run = expectations.gx.Checkpoint.run

    def noted(checkpoint, **options):
        ran.append(checkpoint)
        return run(checkpoint, **options)

    monkeypatch.setattr(expectations.gx.Checkpoint, "run", noted)
    rows = many(3)
    del rows["stage_changes"][0]["stage"], rows["stage_changes"][1]["stage"], rows["stage_changes"][2]["stage"]
    stopped_by(raw(rows), LENIENT)
    (checkpoint,) = ran
    assert checkpoint.name == "data_contracts"
    assert [definition.name for definition in checkpoint.validation_definitions] == [
        "delivered_leads",
        "leads",
        "delivered_stage_changes",
    ], "rows without a stage cannot be judged"
    for definition in checkpoint.validation_definitions:
        assert definition.suite.name == definition.name
        assert definition.data_source.name == "engine"
    assert checkpoint.result_format["exclude_unexpected_values"]


def test_no_table_at_all_is_told_as_missing_tables():
    assert {breach.rule for breach in stopped_by(raw({}))} == {"leads.is_delivered", "stage_changes.is_delivered"}


def test_what_great_expectations_hands_back_holds_no_value_of_any_row(monkeypatch):
    rows = many(30)
    rows["leads"][3] |= {"lead_id": "jane.doe@example.com", "created_at": "not for your eyes"}
    run, results = expectations.gx.Checkpoint.run, []

    def noted(checkpoint, **options):
        results.append(run(checkpoint, **options))
        return results[-1]

    monkeypatch.setattr(expectations.gx.Checkpoint, "run", noted)
    check(raw(rows))
    told = str(results)
    assert "leads.created_at.has_type" in told
    assert "not for your eyes" not in told
    assert "jane" not in told
