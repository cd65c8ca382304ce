"""The command about the lead guarantee: "this hand-off was not what we agreed on"."""

from typing import Annotated

import typer

from pipelines.clock import now
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of


def dispute(
    lead: Annotated[str, typer.Argument(help="The lead's id in the CRM.")],
    because: Annotated[str, typer.Option("--because", help="Why; kept in the ledger.")],
    uphold: Annotated[bool, typer.Option("--uphold", help="Marketing agrees: the hand-off is credited.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the dispute, or the credit, back.")] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say that a lead's last hand-off was not what was agreed on: the lead guarantee keeps it in its ledger.

    A hand-off that misses the agreed profile is credited without it. What is said counts in the numbers from the next
    check on.

    Example: leadscore dispute L-0000123 --because "they resell, they do not buy"
    """
    from data_contracts.errors import SettingsError
    from data_contracts.metrics.guarantee import CreditState
    from pipelines.console import show, show_json
    from pipelines.disputes import say_of_hand_off
    from pipelines.promote import who

    if uphold and withdraw:
        raise SettingsError("--uphold and --withdraw are two things; give one of them")
    state = CreditState.UPHELD if uphold else CreditState.WITHDRAWN if withdraw else CreditState.DISPUTED
    word = say_of_hand_off(settings_of(config, None), lead, state, because=because, at=now(), by=who())
    if as_json:
        show_json(word.model_dump(mode="json"))
        return
    handed_off = f"{word.lead_id}, handed off at {word.handed_off_at:%Y-%m-%d %H:%M} (UTC)"
    show(f"{handed_off}, is {word.state.value}: {word.because}")
    if word.definitions_version and word.fit_share is not None:
        missed = f"; it missed {', '.join(word.missed)}" if word.missed else ""
        show(f"of what was known of it, it met {word.fit_share:.0%} of definitions {word.definitions_version}{missed}")
