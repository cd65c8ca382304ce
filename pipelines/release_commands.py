"""The commands about releases: which there are, which goes into force, which is put back."""

from typing import Annotated

import typer

from pipelines.clock import now
from pipelines.options import DEFAULT_CONFIG, AsJson, Because, Config, settings_of


def releases(
    config: Config = DEFAULT_CONFIG,
    card: Annotated[
        str, typer.Option("--card", metavar="VERSION", help="Print the model card of this version or alias instead.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the registered releases, what held them back, and what was put into force when, by whom and why.

    Example: leadscore releases --card candidate
    """
    from pipelines import console, display
    from pipelines.in_force import registry_of
    from pipelines.store import Store

    registry = registry_of(Store.of(settings_of(config, None)))
    if not card:
        display.releases(registry.versions(), registry.history(), as_json=as_json)
    elif as_json:
        console.show_json({"card": registry.card(card)})
    else:
        console.show(registry.card(card))


def promote(
    version: Annotated[str, typer.Argument(help="The version number, as `leadscore releases` lists it.")],
    because: Because,
    force: Annotated[bool, typer.Option("--force", help="Whatever the gate says; the history keeps what.")] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Put a registered release into force, with the definitions and attributes it was made under.

    It passes the gate again, against what is in force now, and is refused with all reasons (exit code 12). Then only
    --force puts it into force.

    Example: leadscore promote 3 --force --because "both teams agreed on a horizon of 21 days"
    """
    from pipelines import display
    from pipelines.promote import promote as promote_release
    from pipelines.promote import who

    made = promote_release(settings_of(config, None), version, because=because, at=now(), by=who(), force=force)
    display.put_into_force(made)


def revert(because: Because, config: Config = DEFAULT_CONFIG) -> None:
    """Put the release back into force that was in force before. Again, and it is the one before that.

    The gate is not asked.

    Example: leadscore revert --because "since Monday sellers call the wrong leads"
    """
    from pipelines import display
    from pipelines.promote import revert as put_back
    from pipelines.promote import who

    display.put_into_force(put_back(settings_of(config, None), because=because, at=now(), by=who()))
