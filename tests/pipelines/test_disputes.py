"""The ledger of the lead guarantee in the store, and `leadscore dispute`."""

import datetime as dt
import json
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from alignment.guarantee import lead_guarantee
from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from alignment.milestones import milestones_of
from data_contracts.errors import SettingsError, StoreError, UnknownLeadError
from data_contracts.metrics.guarantee import CreditState, HandOffWord
from data_contracts.privacy import MASKED
from pipelines import dispute_command
from pipelines.cli import app
from pipelines.definitions import keep_definitions
from pipelines.disputes import agreed_versions, disputes_kept, keep_word, say_of_hand_off
from pipelines.ingest import ingest_history
from pipelines.store import Store
from tests.example_history import settings as example_settings

pytestmark = pytest.mark.whole

DISPUTED, UPHELD, WITHDRAWN = CreditState.DISPUTED, CreditState.UPHELD, CreditState.WITHDRAWN
HANDED_OFF_AT, AT = dt.datetime(2026, 2, 1), dt.datetime(2026, 4, 1)
UNKNOWN_LEAD, WRONG_SETTINGS = 9, 3

ACCOUNTS = "account_id,industry,employees\nsoft,software,100\nmine,mining,5\n"
LEADS = "lead_id,account_id,created_at\n" + "".join(
    f"{lead_id},{account_id},2026-01-01\n"
    for lead_id, account_id in {
        "fits": "soft", "fits too": "soft", "misses": "mine", "new": "soft", "came back": "soft",
    }.items()
)  # fmt: skip
STAGES = (
    "lead_id,stage,entered_at\nfits,mql,2026-02-01\nfits too,mql,2026-02-01\nmisses,mql,2026-02-01\n"
    "came back,mql,2026-02-01\ncame back,nurture,2026-02-10\ncame back,mql,2026-03-10\n"
)


@pytest.fixture(scope="module")
def checked_once(tmp_path_factory):
    """The settings of a store whose history was checked."""
    folder = tmp_path_factory.mktemp("guarantee")
    sources, data = folder / "sources" / "example", folder / "data"
    for path in (sources, data):
        path.mkdir(parents=True, exist_ok=True)
    for name, content in {"accounts": ACCOUNTS, "leads": LEADS, "stage_changes": STAGES}.items():
        (data / f"{name}.csv").write_text(content)
        (sources / f"{name}.sql").write_text(
            f"SELECT * FROM read_csv('{{data_folder}}/{name}.csv', all_varchar = true)"
        )
    (sources / "extracted_at.sql").write_text("SELECT TIMESTAMP '2026-05-01 12:00:00' AS extracted_at")
    made = example_settings()
    crm = made.crm.model_copy(update={"sources_folder": folder / "sources", "data_folder": data})
    store = made.store.model_copy(update={"folder": folder / "store"})
    settings = made.model_copy(update={"crm": crm, "store": store})
    ingest_history(settings)
    return settings


@pytest.fixture
def settings(checked_once, tmp_path):
    """The settings of a copy of a checked store, in which nothing was said yet."""
    shutil.copytree(checked_once.store.folder, tmp_path / "store", symlinks=True)
    return checked_once.model_copy(
        update={"store": checked_once.store.model_copy(update={"folder": tmp_path / "store"})}
    )


def say(settings, lead_id, state=DISPUTED, *, because="a reseller", at=AT):
    return say_of_hand_off(settings, lead_id, state, because=because, at=at, by="sales")


def kept(settings):
    return disputes_kept(Store.of(settings).disputes).to_pylist()


def states(settings):
    with Store.of(settings).checked_history() as opened:
        history = opened.history
        found = lead_guarantee(
            milestones_of(history, settings),
            judged_hand_offs(
                guaranteed_hand_offs(history, settings), history, versions=agreed_versions(settings), settings=settings
            ),
            disputes=disputes_kept(Store.of(settings).disputes),
        )
    return {row["lead_id"]: row["state"] for row in found.ledger.to_pylist()}


def test_what_is_said_of_a_hand_off_is_in_the_ledger(settings):
    assert states(settings) == {"misses": "credited"}
    word = say(settings, "fits")
    assert (word.handed_off_at, word.fit_share, word.definitions_version) == (HANDED_OFF_AT, 1.0, "2026.1")
    assert states(settings) == {"misses": "credited", "fits": "disputed"}
    say(settings, "fits", UPHELD)
    say(settings, "misses", WITHDRAWN)
    assert states(settings) == {"misses": "withdrawn", "fits": "upheld"}
    assert [row["state"] for row in kept(settings)] == ["disputed", "upheld", "withdrawn"], "nothing is changed"


def test_what_was_taken_back_may_be_disputed_again(settings):
    for state in (DISPUTED, WITHDRAWN, DISPUTED):
        say(settings, "fits", state)
    assert states(settings)["fits"] == "disputed"


@pytest.mark.parametrize(
    ("lead_id", "before", "state", "complaint"),
    [
        ("nobody", [], DISPUTED, "there is no lead 'nobody' in the checked history; give its id in the CRM"),
        ("new", [], DISPUTED, "lead 'new' was never handed off: it did not enter MQL, so nothing was promised"),
        ("fits", [DISPUTED], DISPUTED, "is disputed already; nothing more is needed"),
        ("fits", [DISPUTED, UPHELD], UPHELD, "is upheld already; only what sales disputes is upheld"),
        ("fits", [], WITHDRAWN, "is not in the ledger; there is nothing to take back"),
        ("misses", [], DISPUTED, r"of lead 'misses' at 2026-02-01 00:00 \(UTC\) is credited already; nothing more"),
        ("misses", [WITHDRAWN], WITHDRAWN, "is withdrawn already; there is nothing to take back"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(settings, lead_id, before, state, complaint):
    for each in before:
        say(settings, lead_id, each)
    with pytest.raises(UnknownLeadError, match=complaint):
        say(settings, lead_id, state)
    assert [row["state"] for row in kept(settings)] == before


def test_a_reason_is_needed_and_kept_without_addresses(settings):
    with pytest.raises(SettingsError, match="say why with --because"):
        say(settings, "fits", because=" \n")
    assert say(settings, "fits", because="ask jane@example.com").because == MASKED
    say(settings, "fits too", because=" they\n resell ")
    assert [row["because"] for row in kept(settings)] == [MASKED, "they resell"]
    content = (Store.of(settings).disputes / "disputes.parquet").read_bytes()
    assert b"jane" not in content


def word(lead_id="fits", handed_off_at=HANDED_OFF_AT):
    return HandOffWord(lead_id=lead_id, handed_off_at=handed_off_at, state=DISPUTED, at=AT, by="sales", because="x",
                       definitions_version=None, fit_share=None, missed=())  # fmt: skip


def test_a_lead_that_is_handed_off_again_may_be_disputed_again(settings):
    keep_word(Store.of(settings).disputes, word("came back"), is_miss=False)
    assert say(settings, "came back").handed_off_at == dt.datetime(2026, 3, 10)
    assert states(settings) == {"misses": "credited", "came back": "disputed"}
    assert len(kept(settings)) == 2


def test_a_hand_off_is_held_against_the_version_of_its_day(settings):
    strict = {"criteria": [{"name": "banks", "attribute": "industry", "one_of": ["banking"]}]}
    earlier = example_settings(version="2026.0", effective_from="2026-01-01", icp=strict).definitions
    keep_definitions(settings.store.folder, earlier, by="test")
    later = settings.definitions.model_copy(update={"effective_from": dt.date(2026, 3, 1)})
    keep_definitions(settings.store.folder, later, by="test")
    with pytest.raises(UnknownLeadError, match="is credited already"):
        say(settings, "fits")


def test_words_that_are_said_at_once_are_all_kept(tmp_path):
    folder, leads = tmp_path / "guarantee", [f"L{nth}" for nth in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda lead_id: keep_word(folder, word(lead_id), is_miss=False), leads))
    assert sorted(disputes_kept(folder)["lead_id"].to_pylist()) == leads


def test_the_same_said_twice_at_once_is_kept_once(tmp_path):
    folder = tmp_path / "guarantee"
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(keep_word, folder, word(), is_miss=False) for _ in range(3)]
    refused = [str(one.exception()) for one in done if one.exception()]
    assert len(refused) == 2
    assert all("is disputed already" in said for said in refused)
    assert disputes_kept(folder).num_rows == 1


def test_what_was_said_before_stays_where_writing_breaks_off(tmp_path, monkeypatch):
    folder = tmp_path / "guarantee"
    keep_word(folder, word("first"), is_miss=False)

    def broken(table, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(StoreError, match="the disk is full"):
        keep_word(folder, word("second"), is_miss=False)
    assert disputes_kept(folder)["lead_id"].to_pylist() == ["first"]
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob(".version*")] == [], "nothing is left aside"


def test_a_damaged_file_is_said_and_not_written_over(tmp_path):
    path = tmp_path / "disputes.parquet"
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match="it says what was disputed; put it back from a copy of the store"):
        keep_word(tmp_path, word(), is_miss=False)
    assert path.read_bytes() == b"PAR1 no more"


def run(settings, monkeypatch, *arguments, exit_code=0):
    monkeypatch.setattr(dispute_command, "settings_of", lambda config, data: settings)
    result = CliRunner().invoke(app, ["dispute", *arguments])
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


def test_the_command_says_what_it_kept_and_how_the_lead_fitted(settings, monkeypatch):
    monkeypatch.setenv("LEADSCORE_USER", "head of sales")
    said = run(settings, monkeypatch, "fits", "--because", "a reseller")
    assert said == (
        "fits, handed off at 2026-02-01 00:00 (UTC), is disputed: a reseller "
        "of what was known of it, it met 100% of definitions 2026.1"
    )
    assert kept(settings)[0]["by"] == "head of sales"
    told = json.loads(run(settings, monkeypatch, "fits", "--uphold", "--because", "agreed", "--json"))
    assert (told["state"], told["because"], told["missed"]) == ("upheld", "agreed", [])
    said = run(settings, monkeypatch, "misses", "--withdraw", "--because", "we keep it")
    assert said.endswith("it met 0% of definitions 2026.1; it missed company size, industry")


def test_the_command_refuses_with_the_exit_code_of_the_error(settings, monkeypatch):
    run(settings, monkeypatch, "nobody", "--because", "x", exit_code=UNKNOWN_LEAD)
    both = run(settings, monkeypatch, "fits", "--uphold", "--withdraw", "--because", "x", exit_code=WRONG_SETTINGS)
    assert "--uphold and --withdraw are two things; give one of them" in both
