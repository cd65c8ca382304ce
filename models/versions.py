"""Recorded releases as their users see them: what each version is, and why it is in force or not."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

CANDIDATE = "candidate"
PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """One recorded release.

    Attributes
    ----------
    aliases
        What it is now: `candidate`, `production`, both or nothing.
    held_back_because
        Why the gate, when it was last asked, would not let it into force; empty where it would, or was never asked.
    promoted_because, promoted_at
        Why and when (UTC, naive) it was last put into force; empty and None where it never was.
    """

    version: str
    release_id: str
    definitions_version: str
    data_fingerprint: str
    recorded_at: dt.datetime
    aliases: tuple[str, ...]
    run_id: str
    held_back_because: str
    promoted_because: str
    promoted_at: dt.datetime | None


def not_found(alias_or_version: str, known: Sequence[ReleaseVersion]) -> str:
    """What to say where there is no such release; `known` are those there are, latest first."""
    if not known:
        return "no release was recorded yet; train one with `leadscore train`"
    if alias_or_version != PRODUCTION:
        listed = ", ".join(reversed([version.version for version in known]))
        return f"there is no release {alias_or_version!r}; recorded versions are {listed}"
    candidate = next((version for version in known if CANDIDATE in version.aliases), known[0])
    why = f", held back because {candidate.held_back_because}" if candidate.held_back_because else ""
    force = " --force" if candidate.held_back_because else ""
    return (
        f"no release is in production; the candidate is version {candidate.version} ({candidate.release_id}){why}. "
        f'Put it into force with `leadscore promote {candidate.version}{force} --because "..."`, '
        "or score with it once: `leadscore score --release candidate`"
    )
