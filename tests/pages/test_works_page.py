"""Does it work? Each answer as a finding, with its figures."""

import pytest

from data_contracts.backtests import KeptBacktest
from data_contracts.estimates import Estimate
from data_contracts.gate import GateCheck, GateVerdict
from data_contracts.leaks import LeakFinding, LeakReport
from data_contracts.vocabulary import Transition
from pages import NotThere, works_page
from tests import example_release
from tests.example_shadow import shadow_report
from tests.example_site import AS_OF, EVIL, Seen, frame, nothing_runs, written

MQL = Transition.MQL_TO_SQL
MISSING = NotThere("Run `leadscore backtest`.")
VERDICT = GateVerdict(
    release_id="2026-06-30-abc123",
    champion_id="",
    checks=(GateCheck(name="signal", passes=True, says="a gain"), GateCheck(name="leaks", passes=False, says="a leak")),
)


def leaks(*findings: LeakFinding) -> LeakReport:
    return LeakReport(transition=MQL, extracted_at=AS_OF, test_from=AS_OF, n_leads=1_200, n_open=30, findings=findings)


def finding(name: str, **changes: object) -> LeakFinding:
    told = {
        "subject": "attribute",
        "name": name,
        "declared": "at_creation",
        "verdict": "clear",
        "reason": "nothing seen",
    }
    return LeakFinding.model_validate(told | changes)


def summary(**changes: object):
    told = example_release.summary(MQL, estimator="logistic_regression")
    return told.model_copy(
        update={"calibration": example_release.calibration(), "leaks": leaks(finding("industry"))} | changes
    )


def page(manifest=None, *, shadow=None, backtest=MISSING, verdict=VERDICT, card=""):
    manifest = manifest or example_release.manifest(summary())
    return works_page(manifest, shadow or shadow_report(), backtest, verdict=verdict, card=card, frame=frame())


def seen_of(tmp_path, *args, **kwargs) -> Seen:
    return Seen(written(tmp_path, page(*args, **kwargs)))


def test_the_heading_is_what_the_comparison_with_the_rule_found(tmp_path):
    assert "The model brings more than the rule, if uncalled leads are like called ones" in seen_of(tmp_path).text


def test_without_a_comparison_the_heading_says_whether_there_is_signal(tmp_path):
    without = example_release.manifest(summary(has_signal=False))
    unknown = NotThere("Run `leadscore shadow`.")
    assert "No signal was found from MQL to SQL" in seen_of(tmp_path, without, shadow=unknown).text
    assert "The models know more than the base rate" in seen_of(tmp_path / "with", shadow=unknown).text


RIGHT, NONE = (1.0, 0.9, 1.1), (None, None, None)


@pytest.mark.parametrize(
    ("level", "slope", "said"),
    [
        (
            (0.05, -0.1, 0.2),
            (0.9, 0.7, 1.1),
            "nothing speaks against the percentages (level +0.05, -0.10 to 0.20;",
        ),
        ((-0.5, -0.7, -0.3), RIGHT, "percentages are too high (level −0.50, -0.70 to -0.30; 0 is right; slope 1.00,"),
        ((0.5, 0.3, 0.7), RIGHT, "percentages are too low"),
        ((0.0, -0.1, 0.1), (0.6, 0.4, 0.8), "percentages are too bold"),
        ((-0.5, -0.7, -0.3), (1.6, 1.2, 2.0), "percentages are too high and too timid"),
        (NONE, NONE, "nobody can say whether percentages are right"),
    ],
)
def test_calibration_is_said_in_words_with_its_intervals(tmp_path, level, slope, said):
    figures = {"calibration_intercept": level, "calibration_slope": slope}
    told = {name: Estimate(value=value, low=low, high=high) for name, (value, low, high) in figures.items()}
    manifest = example_release.manifest(example_release.at_entry(summary(), **told))
    assert said in seen_of(tmp_path, manifest).text


def test_the_chart_of_the_percentages_has_its_numbers_as_text(tmp_path):
    labels = [one["aria-label"] for one in seen_of(tmp_path).attributes("div") if one.get("role") == "img"]
    assert labels
    assert labels[0].startswith("from MQL to SQL: of leads given ")


def test_a_leak_is_named_with_its_reason(tmp_path):
    leaky = summary(leaks=leaks(finding("rating", verdict="leak", reason="set when the deal was won"), finding("role")))
    text = seen_of(tmp_path, example_release.manifest(leaky)).text
    assert "From MQL to SQL: 1 of 2 may have known the outcome" in text
    assert "attribute rating is a leak: set when the deal was won." in text


def test_a_backtest_counts_the_windows_that_were_better_and_names_the_poorest(tmp_path):
    good = example_release.evaluation(MQL, model="lightgbm", gain=0.05)
    poor = example_release.evaluation(MQL, model="lightgbm", gain=-0.02)
    told = KeptBacktest(
        extracted_at=AS_OF,
        definitions_version="2026.1",
        data_fingerprint="f1" * 8,
        transitions={MQL: example_release.backtest(good, poor)},
    )
    text = seen_of(tmp_path, backtest=told).text
    assert "From MQL to SQL: better than the base rate by age in 1 of 2 windows" in text
    assert "gain -0.020 (-0.030 to -0.010)" in text


def test_what_is_not_there_says_how_to_get_it(tmp_path):
    text = seen_of(tmp_path, shadow=NotThere("Run `leadscore shadow`.")).text
    assert "Run leadscore shadow." in text
    assert "Run leadscore backtest." in text


def test_without_a_release_the_page_says_so(tmp_path):
    nothing = works_page(
        NotThere("Nothing was trained yet."), shadow_report(), MISSING, verdict=None, card="", frame=frame()
    )
    text = Seen(written(tmp_path, nothing)).text
    assert "No model is in force" in text
    assert "Nothing was trained yet." in text


def test_what_the_gate_asked_is_there_with_failures_as_bad_news(tmp_path):
    seen = seen_of(tmp_path)
    assert ["leaks", "fails", "a leak"] in seen.rows
    assert "What was asked" not in seen_of(tmp_path / "put back", verdict=None).text


def test_the_model_card_is_read_as_markdown_and_its_html_stays_text(tmp_path):
    html = written(tmp_path, page(card=f"# Card\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n{EVIL} [x](javascript:alert(1))"))
    assert nothing_runs(html)
    seen = Seen(html)
    assert ["1", "2"] in seen.rows
    assert "<script>alert(1)</script>" in seen.text


@pytest.mark.parametrize("where", ["leak", "gate", "shadow", "group"])
def test_no_word_of_a_report_runs(tmp_path, where):
    told = summary()
    if where == "leak":
        told = summary(leaks=leaks(finding(EVIL, verdict="leak", reason=EVIL, declared=EVIL)))
    if where == "group":
        calibration = example_release.calibration()
        groups = tuple(one.model_copy(update={"by": EVIL, "value": EVIL}) for one in calibration.groups)
        told = summary(calibration=calibration.model_copy(update={"groups": groups}))
    shadow = shadow_report()
    if where == "shadow":
        rule = shadow.rule.model_copy(update={"said": EVIL})
        shadow = shadow.model_copy(update={"verdict": EVIL, "rule": rule})
    verdict = VERDICT
    if where == "gate":
        verdict = VERDICT.model_copy(update={"checks": (GateCheck(name="signal", passes=False, says=EVIL),)})
    html = written(tmp_path, page(example_release.manifest(told), shadow=shadow, verdict=verdict))
    assert nothing_runs(html)
    assert "alert(1)" in html
