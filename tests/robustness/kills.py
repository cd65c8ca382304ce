"""`python -m tests.robustness.kills [N] [STEP ...]`: kill each step at N moments, and show what became of the store.

Half of the moments are spread over the time in which the step works, half are right after a change of a file.
"""

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.robustness.workshop import (
    BEFORE,
    STEPS,
    Kept,
    Ran,
    Running,
    Workshop,
    kept_in,
    names_in,
    wait_for_change,
)

PARTS = tuple(field.name for field in fields(Kept))


@dataclass(frozen=True, slots=True)
class Moment:
    """When a process is killed: after so many changes of files and then so many seconds."""

    n_changes: int
    seconds: float

    def __str__(self) -> str:
        return f"after {self.n_changes} file changes and {self.seconds:.2f} s"


@dataclass(frozen=True, slots=True)
class Killed:
    """One kill: what the store held after it, and after the same step was run again.

    `trouble` is empty where all is as it should be.
    """

    step: str
    moment: Moment
    state: str
    rerun: str
    trouble: tuple[str, ...]


def moments(workshop: Workshop, step: str, *, n: int, rng: random.Random) -> Iterator[Moment]:
    """`n` moments of the step: at changes of files, and at times between its first and its end."""
    *changes, end = workshop.undisturbed(step)[2]
    for number in range(n):
        if number % 2 == 0 and changes:
            yield Moment(1 + number * len(changes) // n, rng.uniform(0, 0.01))
        else:
            yield Moment(0, end * (number + 0.5) / (n + 1))


def kill(workshop: Workshop, step: str, moment: Moment) -> Killed:
    """What became of the store where the step was killed at `moment` and then run again."""
    expected = workshop.undisturbed(step)[0]
    workshop.put(BEFORE[step])
    before = kept_in(workshop.store)
    if _killed(workshop, step, moment).code != -signal.SIGKILL:
        return Killed(step, moment, "not killed in time", "", ())
    state, trouble = told_of_state(before, kept_in(workshop.store), expected)
    again = workshop.run(STEPS[step])
    amiss = trouble_after(workshop, step, again)
    rerun = f"exit {again.code}" if again.code else "not the same" if amiss else "the same"
    return Killed(step, moment, state, rerun, (*trouble, *amiss))


def _killed(workshop: Workshop, step: str, moment: Moment) -> Ran:
    running = workshop.start(STEPS[step])
    _reach(running, workshop.store.folder, moment)
    running.send(signal.SIGKILL)
    return running.ended()


def _reach(running: Running, folder: Path, moment: Moment) -> None:
    for _ in range(moment.n_changes):
        if not wait_for_change(running, folder):
            return
    until = time.monotonic() + moment.seconds
    while running.is_alive and time.monotonic() < until:
        time.sleep(0.001)


def told_of_state(before: Kept, now: Kept, expected: Kept) -> tuple[str, list[str]]:
    """In a word, what the store holds now; and each thing that is neither as it was nor as it will be."""
    trouble, states = [], set()
    for part, old, is_now, new in zip(PARTS, astuple(before), astuple(now), astuple(expected), strict=True):
        if is_now == old:
            states.add("as before" if old != new else "unchanged")
        elif is_now == new:
            states.add("as after")
        elif part == "releases" and _is_half_trained(old, is_now):
            states.add("half trained")
        else:
            trouble.append(f"{part}: {is_now} (before: {old})")
            states.add("DAMAGED")
    return " and ".join(sorted(states - {"unchanged"} or states)), trouble


def _is_half_trained(old: str, now: str) -> bool:
    """Whether a run was under way, and all that was registered before still is: the next training tidies up."""
    return "UNREADABLE" not in now and (old == "none" or now.startswith(old.split("; ", maxsplit=1)[0]))


def trouble_after(workshop: Workshop, step: str, again: Ran) -> list[str]:
    """What is not as where nothing had disturbed the step, once it was run (again)."""
    expected, names, _ = workshop.undisturbed(step)
    if again.code:
        return [f"the step ended with {again.code}: {again.said.strip()[-300:]}"]
    trouble = [
        f"{part} in the end: {now} (undisturbed: {new})"
        for part, now, new in zip(PARTS, astuple(kept_in(workshop.store)), astuple(expected), strict=True)
        if now != new
    ]
    left = names_in(workshop.store.folder) - names
    return trouble + ([f"left over: {', '.join(sorted(left.elements()))}"] if left else [])


def main(n: int = 25, *steps: str) -> int:
    """Print the table; 1 where any kill did damage."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="kills-") as folder:
        workshop = Workshop(Path(folder))
        print(f"workshop ready after {time.monotonic() - started:.0f} s", flush=True)
        found = []
        for step in steps or STEPS:
            rng = random.Random(step)  # noqa: S311
            for moment in moments(workshop, step, n=n, rng=rng):
                found.append(kill(workshop, step, moment))
                for each in found[-1].trouble:
                    print(f"{step}, killed {moment}: {each}", flush=True)
    counted = Counter((each.step, each.state, each.rerun, bool(each.trouble)) for each in found)
    print(f"\n{'step':<12} {'state after the kill':<32} {'rerun':<16} {'kills':>5}  trouble")
    for (step, state, rerun, is_trouble), times in counted.items():
        print(f"{step:<12} {state:<32} {rerun:<16} {times:>5}  {'yes' if is_trouble else ''}")
    n_bad = sum(bool(each.trouble) for each in found)
    print(f"\n{len(found)} kills in {time.monotonic() - started:.0f} s, {n_bad} with trouble")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) if word.isdigit() else word for word in sys.argv[1:])))
