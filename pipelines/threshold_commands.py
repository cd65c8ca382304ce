"""The command about thresholds: what if, publish, revert."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.clock import now
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, Release, settings_of

if TYPE_CHECKING:  # the command line starts fast
    from data_contracts.policy import Policy


def thresholds(
    config: Config = DEFAULT_CONFIG,
    release: Release = "production",
    capacity: Annotated[
        list[str] | None,
        typer.Option("--capacity", metavar="[TEAM=]LEADS", help="What if so many leads a week could be worked?"),
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Put the thresholds into force.")] = False,
    revert: Annotated[bool, typer.Option("--revert", help="Put those into force again that were before.")] = False,
    history: Annotated[bool, typer.Option("--history", help="List what was put into force, and why.")] = False,
    because: Annotated[str, typer.Option("--because", help="Why; kept in the history.")] = "",
    as_json: AsJson = False,
) -> None:
    """Choose from where on leads are handed off, under the policy of the settings file, on the checked history.

    No model is trained. Without --publish nothing changes: a change of [policy], or another capacity, is looked at
    first.

    Example: leadscore thresholds --capacity 60
    """
    from data_contracts.errors import SettingsError
    from pipelines import console, display
    from pipelines import thresholds as choosing
    from pipelines.promote import who

    settings = settings_of(config, None)
    if sum((publish, revert, history)) > 1:
        raise SettingsError("--publish, --revert and --history are three things; give one of them")
    if (publish or revert) and not because:
        raise SettingsError("say why with --because: the history keeps it")
    if publish and capacity:
        raise SettingsError("a what-if is not published: put the capacity into [[policy.teams]], then --publish")
    if history:
        display.threshold_history(choosing.history_of(settings, release=release), as_json=as_json)
        return
    if revert:
        entry = choosing.revert(settings, release=release, because=because, at=now(), by=who())
        display.thresholds(entry.thresholds, published=True, as_json=as_json)
        return
    policy = with_capacity(settings.policy, capacity or [])
    with console.working("thresholds") as say:
        chosen = choosing.thresholds_for(settings, release=release, policy=policy, say=say)
    if publish:
        choosing.publish(settings, chosen, because=because, at=now(), by=who())
    display.thresholds(chosen, published=publish, as_json=as_json)


def with_capacity(policy: "Policy", asked: list[str]) -> "Policy":
    """`policy` with other capacities: "60" where there is one team, "DACH=20" for a team by name.

    Raises `SettingsError` where a team is unknown, none is named among several, or a number is not above 0.
    """
    from data_contracts.errors import SettingsError

    capacities = {team.name: team.leads_per_week for team in policy.teams}
    for text in asked:
        name, _, number = text.rpartition("=")
        team = name or (policy.teams[0].name if len(policy.teams) == 1 else "")
        if team not in capacities:
            raise SettingsError(f"--capacity {text!r} names no team; the policy has {', '.join(capacities)}")
        if not number.replace(".", "", 1).isdigit() or float(number) <= 0:
            raise SettingsError(f"--capacity {text!r} is no number of leads a week above 0")
        capacities[team] = float(number)
    teams = tuple(team.model_copy(update={"leads_per_week": capacities[team.name]}) for team in policy.teams)
    return policy.model_copy(update={"teams": teams})
