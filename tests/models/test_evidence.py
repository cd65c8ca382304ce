import pandas as pd

from models.evidence import Evidence, evidence_of


def rows_of(*snapshots: tuple[str, str, bool]) -> pd.DataFrame:
    """Snapshots as lead, account, whether it converted."""
    return pd.DataFrame(snapshots, columns=["lead_id", "group_id", "converted"])


def test_a_lead_counts_once_and_has_converted_if_it_ever_did() -> None:
    rows = rows_of(("L1", "A", False), ("L1", "A", True), ("L1", "A", False), ("L2", "B", False), ("L2", "B", False))
    assert evidence_of(rows) == Evidence(n_converted=1, n_not_converted=1, n_accounts=1)


def test_accounts_count_where_both_outcomes_are_among_them() -> None:
    """Nineteen accounts that lost and one that won are one account's evidence of winning."""
    lost = [(f"L{n}", f"A{n}", False) for n in range(19)]
    assert evidence_of(rows_of(*lost, ("W", "B", True))).n_accounts == 1
    won = [(f"W{n}", f"A{n}", True) for n in range(19)]
    assert evidence_of(rows_of(*lost, *won)).n_accounts == 19, "an account may have both"
