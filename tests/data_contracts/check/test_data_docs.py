from data_contracts.check.data_docs import history_page, run_page
from data_contracts.history import Verdict


def test_the_first_page_shows_each_table_with_its_rows_and_failures_and_escapes_what_it_is_told():
    total = Verdict(
        "leads", "leads.refused_share", "it holds", "expect", "", False, unexpected=60, rows=1_000, severity="critical"
    )
    column = Verdict(
        "spend", "spend.amount.column_exists", "it holds", "expect", "amount", True, 0, 0, severity="critical"
    )
    page = index_page([total, column], title="<b>CRM</b>")
    assert "&lt;b&gt;CRM&lt;/b&gt;" in page
    assert "<b>CRM" not in page
    assert '>leads</a></td><td class="number">1,000</td><td class="number">60</td>' in page
    assert '<td class="number">1</td><td class="number bad">1</td>' in page
    assert '>spend</a></td><td class="number">not judged</td>' in page
