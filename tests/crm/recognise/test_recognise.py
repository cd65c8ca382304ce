import tomllib
from pathlib import Path

import pytest

from crm.recognise import look_at, recognise, settings_text
from crm.recognise.attributes import is_only_personal
from data_contracts.errors import SettingsError, SourceError
from data_contracts.settings import Settings
from data_contracts.vocabulary import Availability, Stage
from tests.crm.recognise.exports_by_hand import guess, leads_and_deals, read, recognised, rows, written


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "data", leads_and_deals())


def test_leads_and_deals_are_told_by_names_and_by_whose_ids_are_where(data: Path):
    found = recognised(data)
    assert guess(found, "leads")[0] == "leads.csv, a row a lead, known by lead_id"
    assert guess(found, "opportunities") == (
        "deals.csv, known by deal_id",
        "lead_id holds ids of leads in 100% of its 20 rows",
    )
    assert set(found.selects) == {"leads", "stage_changes", "opportunities", "extracted_at"}


def test_days_above_twelve_say_that_the_day_comes_first(data: Path, tmp_path: Path):
    created = rows(
        recognised(data), "SELECT created_at FROM raw_leads WHERE lead_id = 'L15'", data=data, work=tmp_path / "s"
    )
    assert created == [("2024-01-16 00:00:00",)]


def test_a_closing_date_without_a_time_is_the_end_of_its_day_and_a_creation_the_beginning(data: Path, tmp_path: Path):
    query = "SELECT stage, entered_at FROM raw_stage_changes WHERE lead_id = 'L6' ORDER BY entered_at"
    assert rows(recognised(data), query, data=data, work=tmp_path / "s") == [
        ("created", "2024-01-07 00:00:00"),
        ("deal created", "2024-01-07 00:00:00"),
        ("deal won", "2024-01-17 23:59:59"),
    ]


def test_the_extract_is_the_last_thing_that_happened_and_no_plan(tmp_path: Path):
    extra = "L99,01/01/2999,web,cold\n"
    files = leads_and_deals()
    data = written(tmp_path / "data", files | {"leads.csv": files["leads.csv"] + extra})
    history = rows(recognised(data), "SELECT count(*) FROM raw_leads", data=data, work=tmp_path / "s")
    assert history == [(61,)]  # the bad row is delivered: the check refuses it
    assert f"{read(recognised(data), data=data, work=tmp_path / 's').extracted_at:%Y-%m-%d}" == "2024-03-12"


def test_dates_that_no_value_tells_are_asked_for_unless_another_column_does(tmp_path: Path):
    lines = "".join(f"L{i},0{i % 9 + 1}/0{i % 7 + 1}/2024\n" for i in range(40))
    alone = written(tmp_path / "a", {"leads.csv": "id,created_at\n" + lines})
    found = recognised(alone)
    assert next(question.name for question in found.questions if question.is_pressing) == "dates"
    assert "day or the month" in found.todos[0]
    told = recognised(alone, dates="month first")
    assert "%m/%d/%Y" in told.selects["leads"]
    deals = "deal_id,lead_id,created_at,status,closed_date\nD1,L1,30/03/2024,won,31/03/2024\n"
    beside = written(tmp_path / "b", {"leads.csv": "id,created_at\n" + lines, "deals.csv": deals})
    assert guess(recognised(beside), "dates") == ("day first", "other columns of the export have days above 12 there")


def test_a_column_that_tells_the_outcome_is_no_attribute_and_the_settings_say_why(tmp_path: Path):
    files = leads_and_deals(180)
    data = written(tmp_path / "data", files)
    found = recognised(data)
    assert [attribute.name for attribute in found.attributes] == []
    assert guess(found, "leads.rating") == (
        "left out",
        "'hot' for 100% of the won and 0% of the others: it may follow from the win",
    )
    assert "#   leads.rating: 'hot' for 100% of the won" in text_of(found)


def test_a_column_that_is_filled_for_winners_is_no_attribute(tmp_path: Path):
    lines = leads_and_deals(180)["leads.csv"].splitlines()
    told = [f"{line},{f'c{i // 6 % 2}' if i % 6 == 0 else ''}" for i, line in enumerate(lines[1:])]
    files = leads_and_deals(180) | {"leads.csv": "\n".join([f"{lines[0]},segment", *told]) + "\n"}
    found = recognised(written(tmp_path / "data", files))
    assert guess(found, "leads.segment")[1].startswith("filled for 100% of the won and 0% of the others")


def test_a_table_that_only_winners_are_in_dates_the_win_and_gives_no_attribute(tmp_path: Path):
    leads = "mql_id,first_contact_date,landing_page_id\n" + "".join(
        f"m{i:03d}x,{i % 28 + 1:02d}-01-2018,p{i % 4}\n" for i in range(80)
    )
    won = "mql_id,won_date,segment\n" + "".join(
        f"m{i:03d}x,{i % 28 + 1:02d}-02-2018 10:30,s{i % 3}\n" for i in range(0, 80, 2)
    )
    data = written(tmp_path / "data", {"leads_x.csv": leads, "closed_deals.csv": won})
    found = recognised(data)
    assert guess(found, "closed_deals.csv: 3 columns")[0] == "left out"
    assert [(one.name, one.availability) for one in found.attributes] == [("landing_page", Availability.IMMUTABLE)]
    query = "SELECT count(*) FROM raw_stage_changes WHERE stage = 'won_date' AND entered_at LIKE '2018-02-% 10:30:00'"
    assert rows(found, query, data=data, work=tmp_path / "s") == [(40,)]


def test_what_nobody_says_about_an_attribute_is_taken_with_care(tmp_path: Path):
    lines = ["id,created_at,industry,first_page,first_name,e_mail,note,owner_id,lead_score"]
    lines += [
        f"L{i},2024-01-{i % 28 + 1:02d},i{i % 3},p{i % 2},Jo{i},j{i}@x.com,said {i},u{i % 2},{i % 50}"
        for i in range(60)
    ]
    data = written(tmp_path / "data", {"leads.csv": "\n".join(lines) + "\n"})
    found = recognised(data)
    assert {one.name: str(one.availability) for one in found.attributes} == {
        "industry": "now",
        "first_page": "immutable",
    }
    assert {g.what for g in found.guesses if g.value == "left out"} == {
        "leads.first_name", "leads.e_mail", "leads.note", "leads.lead_score",
    }  # fmt: skip
    assert not {"first_name", "note", "lead_score"} & set(found.selects["leads"].replace('"', " ").split())
    assert any(todo.startswith("industry: say whether") for todo in found.todos)
    told = recognised(data, fixed="industry")
    assert {one.name: str(one.availability) for one in told.attributes} == {
        "industry": "immutable",
        "first_page": "now",
    }
    assert not any("industry" in todo for todo in told.todos)


def test_accounts_are_told_by_the_domain_of_an_email_that_is_not_anybodys(tmp_path: Path):
    lines = ["id,created_at,email", "L1,2024-01-01,a@one.com", "L2,2024-01-02,b@ONE.com", "L3,2024-01-03,c@gmail.com"]
    data = written(tmp_path / "data", {"leads.csv": "\n".join(lines) + "\n"})
    accounts = rows(
        recognised(data), "SELECT account_id FROM raw_leads ORDER BY lead_id", data=data, work=tmp_path / "s"
    )
    assert accounts[0] == accounts[1]
    assert accounts[0][0].startswith("domain-")
    assert "one" not in accounts[0][0]
    assert accounts[2] == (None,)


def test_rows_of_other_records_are_left_out_by_name_and_bad_ones_are_not(tmp_path: Path):
    calls = ["call_id,who_id,type,date,direction,outcome"]
    calls += [
        f"C{i},{'L' if i % 2 else 'X'}{i % 60},Call,2024-02-{i % 28 + 1:02d} 10:00,out,{'connected' if i % 3 else 'no answer'}"
        for i in range(120)
    ]
    data = written(tmp_path / "data", leads_and_deals(extra={"calls.csv": "\n".join(calls) + "\n"}))
    found = recognised(data)
    assert "in 50% of its 120 rows; rows of other records are left out" in guess(found, "activities")[1]
    assert rows(found, "SELECT count(*) FROM raw_activities", data=data, work=tmp_path / "s") == [(60,)]
    call, attempt = found.kinds
    assert (call.outcomes, call.otherwise, attempt.counts_as_contact) == (("connected",), "call_attempt", True)
    assert recognised(data, contact="call").kinds[1].counts_as_contact is False


def test_deals_that_leads_point_to_belong_to_them(tmp_path: Path):
    leads = ["Id,CreatedDate,ConvertedOpportunityId"] + [
        f"q{i}a,2024-01-{i % 28 + 1:02d},{f'o{i}b' if i < 30 else ''}" for i in range(60)
    ]
    deals = ["Id,CreatedDate,CloseDate,IsWon,IsClosed,Amount,CurrencyIsoCode"]
    deals += [
        f"o{i}b,2024-02-01,2024-03-{i % 28 + 1:02d},{str(i % 2 == 0).lower()},{str(i < 28).lower()},5,{'USD' if i == 1 else 'EUR'}"
        for i in range(40)
    ]
    data = written(tmp_path / "data", {"Lead.csv": "\n".join(leads) + "\n", "Opportunity.csv": "\n".join(deals) + "\n"})
    found = recognised(data)
    assert "30 of its 40 rows belong to a lead, the others are left out" in guess(found, "opportunities")[1]
    deals_read = "SELECT lead_id, outcome, closed_at, expected_close_at, amount, currency FROM raw_opportunities "
    one = rows(found, deals_read + "WHERE opportunity_id IN ('o1b', 'o28b') ORDER BY 1", data=data, work=tmp_path / "s")
    assert one == [
        ("q1a", "lost", "2024-03-02 23:59:59", "2024-03-02", None, None),  # nobody says what USD are worth
        ("q28a", "won", "2024-03-01 23:59:59", "2024-03-01", "5", "EUR"),
    ]
    rated = recognised(data, rates="USD=0.9")
    assert rated.rates == {"USD": 0.9}
    usd = "SELECT amount, currency FROM raw_opportunities WHERE opportunity_id = 'o1b'"
    assert rows(rated, usd, data=data, work=tmp_path / "t") == [("5", "USD")]
    with pytest.raises(SettingsError, match="no list of rates"):
        recognised(data, rates="USD=much")


def test_chosen_pipelines_alone_are_read(tmp_path: Path):
    lines = ["id,add_time,pipeline_id,status,won_time"]
    lines += [
        f"{i},2024-01-{i % 28 + 1:02d} 08:00,{i % 3},{'won' if i % 4 == 0 else 'open'},{'2024-02-20 08:00' if i % 4 == 0 else ''}"
        for i in range(60)
    ]
    calls = "id,deal_id,type,date\n" + "".join(f"{i},{i % 60},call,2024-02-01 10:00\n" for i in range(120))
    data = written(tmp_path / "data", {"deals.csv": "\n".join(lines) + "\n", "calls.csv": calls})
    assert guess(recognised(data), "pipelines")[0] == "all"
    found = recognised(data, pipelines="0,1")
    for table in ("leads", "opportunities"):
        assert rows(found, f"SELECT count(*) FROM raw_{table}", data=data, work=tmp_path / table) == [(40,)]
    assert rows(found, "SELECT count(*) FROM raw_activities", data=data, work=tmp_path / "a") == [(80,)]


def test_a_history_of_stages_maps_words_and_asks_about_those_that_say_nothing(tmp_path: Path):
    history = ["lead_id,new_stage,changed_at"]
    history += [f"L{i},{stage},2024-03-{i % 28 + 1:02d}" for i in range(60) for stage in ("MQL", "Blau", "Closed Won")]
    data = written(tmp_path / "data", leads_and_deals(extra={"stage_history.csv": "\n".join(history) + "\n"}))
    found = recognised(data)
    assert (found.stages["MQL"], found.stages["Closed Won"], found.stages["Blau"]) == (Stage.MQL, Stage.WON, Stage.LEAD)
    assert "say in [crm.stages] what 'Blau' means" in found.todos
    (question,) = [one for one in found.questions if one.name == "stages"]
    assert (question.is_pressing, question.proposal) == (True, "Blau=lead")
    assert recognised(data, stages="Blau=sql").stages["Blau"] is Stage.SQL


def test_a_present_stage_without_a_history_is_said_to_be_without_a_date(tmp_path: Path):
    lines = ["id,created_at,lifecyclestage"] + [
        f"L{i},2024-01-{i % 28 + 1:02d},{'customer' if i % 5 == 0 else 'lead'}" for i in range(60)
    ]
    found = recognised(written(tmp_path / "data", {"contacts.csv": "\n".join(lines) + "\n"}))
    assert "current_stage" in found.selects["leads"]
    assert any("not since when" in todo for todo in found.todos)


def test_a_field_with_a_history_is_historised(tmp_path: Path):
    lines = ["id,created_at,budget_band"] + [f"L{i},2024-01-{i % 28 + 1:02d},b{i % 3}" for i in range(60)]
    changes = ["lead_id,field,old_value,new_value,created_date"]
    changes += [
        f"L{i % 30},{'BudgetBand' if i % 2 else 'Status'},,{'b1' if i % 2 else 'MQL'},2024-02-{i % 28 + 1:02d}"
        for i in range(60)
    ]
    data = written(
        tmp_path / "data", {"leads.csv": "\n".join(lines) + "\n", "lead_history.csv": "\n".join(changes) + "\n"}
    )
    found = recognised(data)
    assert [(one.name, one.availability) for one in found.attributes] == [("budget_band", Availability.HISTORISED)]
    query = "SELECT DISTINCT object, attribute, new_value FROM raw_attribute_changes"
    assert rows(found, query, data=data, work=tmp_path / "s") == [("lead", "budget_band", "b1")]
    stages = "SELECT DISTINCT stage FROM raw_stage_changes"
    assert rows(found, stages, data=data, work=tmp_path / "s") == [("MQL",)]


def test_names_that_are_meant_to_break_sql_or_toml_are_quoted(tmp_path: Path):
    word = "a\"b\\c'd]"
    lines = ['lead_id,created_at,"x""; DROP TABLE t0; --","y\nz"']
    lines += [f"L{i},2024-01-{i % 28 + 1:02d},v{i % 3},w{i % 3}" for i in range(60)]
    history = "lead_id,new_stage,changed_at\n" + "".join(
        f'L{i % 60},"{(word if i % 2 else "MQL").replace(chr(34), chr(34) * 2)}",2024-03-{i % 28 + 1:02d}\n'
        for i in range(120)
    )
    data = written(tmp_path / "data", {"leads.csv": "\n".join(lines) + "\n", "stage_history.csv": history})
    found = recognised(data)
    assert rows(found, "SELECT count(*) FROM raw_leads", data=data, work=tmp_path / "s") == [(60,)]
    settings = Settings.model_validate(tomllib.loads(text_of(found)))
    assert settings.crm.stages[word] is Stage.LEAD
    assert list(settings.crm.attributes) == ["x_drop_table_t0"]


def test_without_a_table_of_leads_it_says_what_one_needs(tmp_path: Path):
    data = written(tmp_path / "data", {"spend.csv": "month,channel,amount\n2024-01-01,web,5\n"})
    with pytest.raises(SourceError, match="no table has both a column that tells its rows apart and a time"):
        recognised(data)


def test_horizons_and_capacity_follow_the_past(tmp_path: Path):
    found = recognised(written(tmp_path / "data", leads_and_deals(360)))
    assert found.horizons == {"mql_to_win": 14}  # each win comes on the end of the tenth day
    assert any("agree on the horizon" in todo for todo in found.todos)
    assert recognised(tmp_path / "data", capacity="45").leads_per_week == 45
    with pytest.raises(SettingsError, match="no number of leads a week"):
        recognised(tmp_path / "data", capacity="many")


def test_the_same_export_gives_the_same_texts(data: Path):
    one, two = recognised(data), recognised(data)
    assert one.selects == two.selects
    assert text_of(one) == text_of(two)


def text_of(found) -> str:
    return settings_text(
        found, source="ours", sources_folder=Path("config/sources"), data_folder=Path("data"), store=Path("var/ours")
    )


def test_an_export_is_recognised_again_without_reading_its_files(data: Path):
    export = look_at(data)
    for file in data.iterdir():
        file.unlink()
    assert set(recognise(export, {}).selects) >= {"leads", "stage_changes"}


def with_owners(n: int = 60, *, owner: str = "u{}") -> dict[str, str]:
    """Leads that three sellers own."""
    lines = ["lead_id,created_at,source,owner_id"]
    lines += [f"L{i},2024-01-{i % 28 + 1:02d},{'web' if i % 2 else 'fair'},{owner.format(i % 3)}" for i in range(n)]
    return {"leads.csv": "\n".join(lines) + "\n"}


def test_sellers_are_the_table_that_holds_the_owners_ids(tmp_path: Path):
    users = "id,full_name,e_mail,team,tz\n" + "".join(
        f"u{i},Jo {i},jo{i}@x.com,{'north' if i % 2 else 'south'},Europe/Berlin\n" for i in range(4)
    )
    data = written(tmp_path / "data", with_owners() | {"users.csv": users})
    found = recognised(data)
    assert guess(found, "sellers") == (
        "users.csv, known by id",
        "owner_id of leads holds ids of users in 100% of its rows",
    )
    assert guess(found, "sellers.time_zone") == ("tz", "its name; 1 time zones of the IANA database")
    assert rows(found, "SELECT owner_id, team FROM raw_sellers ORDER BY 1", data=data, work=tmp_path / "s") == [
        ("u0", "south"),
        ("u1", "north"),
        ("u2", "south"),
        ("u3", "north"),
    ]
    assert not any(who in found.selects["sellers"] for who in ("full_name", "e_mail"))
    assert "users.csv" not in [one.what for one in found.guesses if one.value == "not used"]


def test_a_time_zone_that_the_iana_database_does_not_know_is_left_out_and_asked_for(tmp_path: Path):
    users = "id,team,time_zone\n" + "".join(f"u{i},north,Eastern Time\n" for i in range(4))
    found = recognised(written(tmp_path / "data", with_owners() | {"users.csv": users}))
    assert guess(found, "sellers.time_zone") == (
        "left out",
        "'Eastern Time' is no time zone of the IANA database",
    )
    assert "time_zone" not in found.selects["sellers"]
    assert any(todo.startswith("say in sellers.sql which zones") for todo in found.todos)


@pytest.mark.parametrize(
    ("users", "why"),
    [
        ("id,e_mail\nu0,a@x.com\nu1,b@x.com\nu2,c@x.com\n", "neither teams nor time zones"),
        ("id,team\nv0,north\nv1,south\n", None),
    ],
)
def test_sellers_that_say_nothing_or_own_no_lead_are_not_read(users: str, why: str | None, tmp_path: Path):
    found = recognised(written(tmp_path / "data", with_owners() | {"users.csv": users}))
    assert "sellers" not in found.selects
    told = [one.evidence for one in found.guesses if one.what in ("sellers", "users.csv")]
    assert why is None or any(why in each for each in told)
    assert told


def test_sellers_that_are_known_by_their_addresses_alone_are_not_read(tmp_path: Path):
    leads = with_owners(owner="u{}@x.com")
    users = "e_mail,team\nu0@x.com,north\nu1@x.com,south\nu2@x.com,south\n"
    assert "sellers" not in recognised(written(tmp_path / "data", leads | {"users.csv": users})).selects


def touches(source: str, *, column: str = "utm_source") -> str:
    head = f"visit_id,lead_id,type,date,{column},utm_campaign\n"
    return head + "".join(f"V{i},L{i % 60},form,2024-02-{i % 28 + 1:02d},{source},c{i % 3}\n" for i in range(120))


def test_what_brought_a_lead_is_taken_in_the_words_of_the_leads_sources(tmp_path: Path):
    data = written(tmp_path / "data", with_owners() | {"form_submissions.csv": touches("web")})
    found = recognised(data)
    assert guess(found, "activities.source") == (
        "utm_source",
        "form_submissions.csv: 100% of its 120 rows say a word of source of the leads",
    )
    assert guess(found, "activities.campaign") == ("utm_campaign", "form_submissions.csv: its name")
    read = "SELECT DISTINCT source, campaign FROM raw_activities ORDER BY 2"
    assert rows(found, read, data=data, work=tmp_path / "s") == [("web", "c0"), ("web", "c1"), ("web", "c2")]


def test_sources_in_other_words_than_those_of_leads_are_not_taken_and_people_are_asked(tmp_path: Path):
    data = written(tmp_path / "data", with_owners() | {"form_submissions.csv": touches("google / cpc")})
    found = recognised(data)
    assert guess(found, "activities.source")[0] == "not taken"
    assert "say in activities.sql which sources of the leads the words of utm_source are" in found.todos
    assert " AS source" not in found.selects["activities"]


def test_the_tool_that_recorded_an_activity_brought_nobody(tmp_path: Path):
    data = written(tmp_path / "data", with_owners() | {"calls.csv": touches("CRM_UI", column="source")})
    found = recognised(data)
    assert not [one for one in found.guesses if one.what == "activities.source"]
    assert " AS source" not in found.selects["activities"]


def ended_deals(**columns: object) -> str:
    """Deals of `leads_and_deals` with more columns: text, or a function of the deal's number."""
    head, *lines = leads_and_deals()["deals.csv"].splitlines()
    more = [",".join(str(value(i) if callable(value) else value) for value in columns.values()) for i in range(20)]
    return "\n".join([f"{head},{','.join(columns)}", *(f"{a},{b}" for a, b in zip(lines, more, strict=True))]) + "\n"


def test_what_sales_says_of_a_deal_that_ended_is_taken_by_its_name(tmp_path: Path):
    deals = ended_deals(
        closed_won_reason="price",
        Main_Competitor__c="acme",
        main_objection="too dear",
        gross_margin=lambda i: 300 + i,
        churn_date=lambda i: "30/06/2024" if i == 2 else "",
    )
    data = written(tmp_path / "data", leads_and_deals() | {"deals.csv": deals})
    found = recognised(data)
    read = (
        "SELECT win_reason, competitor, objection, margin, churned_at FROM raw_opportunities "
        "WHERE opportunity_id IN ('D3', 'D6') ORDER BY opportunity_id"
    )
    assert rows(found, read, data=data, work=tmp_path / "s") == [
        ("price", "acme", "too dear", "301", None),
        ("price", "acme", "too dear", "302", "2024-06-30 23:59:59"),
    ]
    assert guess(found, "opportunities.competitor") == ("Main_Competitor__c", "its name; filled in 20 rows")


def test_a_margin_in_percent_is_no_amount(tmp_path: Path):
    deals = ended_deals(margin=lambda i: 20 + i)
    lines = [line.split(",") for line in deals.splitlines()]
    dear = "\n".join(",".join([*line[:5], line[5] if n == 0 else "9000", line[6]]) for n, line in enumerate(lines))
    found = recognised(written(tmp_path / "data", leads_and_deals() | {"deals.csv": dear + "\n"}))
    assert guess(found, "opportunities.margin") == (
        "not taken",
        "it is never above 39, of deals of 9,000: it seems to be a percentage",
    )
    assert "margin" not in found.selects["opportunities"]


def test_the_end_of_a_customer_is_no_loss_of_the_deal_nor_an_attribute(tmp_path: Path):
    lines = ["id,add_time,status,won_time,churn_date,competitor,objection,win_reason,profit,value"]
    lines += [
        f"{i},2024-01-{i % 28 + 1:02d} 08:00,{'won' if i % 2 else 'open'},{'2024-02-20 08:00' if i % 2 else ''},"
        f"{'2024-06-01' if i % 6 == 1 else ''},c{i % 3},o{i % 3},w{i % 3},{500 + i},900"
        for i in range(60)
    ]
    data = written(tmp_path / "data", {"deals.csv": "\n".join(lines) + "\n"})
    found = recognised(data)
    assert Stage.LOST not in {
        found.stages[word]
        for (word,) in rows(found, "SELECT DISTINCT stage FROM raw_stage_changes", data=data, work=tmp_path / "s")
    }
    assert found.attributes == ()
    left_out = [one.what for one in found.guesses if one.value == "left out"]
    assert left_out == ["leads.won_time"]  # each column of the deal's end is taken, none is weighed as an attribute


def test_names_that_the_shared_numbers_need_are_not_taken_for_persons():
    kept = ("timezone_name", "team_name", "UserRole.Name", "competitor_name", "campaign_name")
    assert not [name for name in kept if is_only_personal(name)]
    assert is_only_personal("owner_name")
