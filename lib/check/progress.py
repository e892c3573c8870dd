"""How far the reader has come: what the checkers last said of each exercise."""

from dataclasses import dataclass

from lib.check.verdict import EXERCISES, Verdict


@dataclass(frozen=True, repr=False)
class Progress:
    """Each exercise of a chapter, in order, and what its checker said last."""

    verdicts: dict[str, Verdict | None]

    def states(self) -> dict[str, str]:
        """Each exercise is right, not right yet, or open."""
        return {name: _state(verdict) for name, verdict in self.verdicts.items()}

    def __repr__(self) -> str:
        named = enumerate(self.states().items(), start=1)
        lines = [f"{number}. `{name}`: {state}" for number, (name, state) in named]
        return "\n".join([self._headline(), "", *lines])

    def _headline(self) -> str:
        """How many are right, and what to do next where any is left."""
        states = list(self.states().values())
        many = len(states)
        right = states.count("right")
        if right == many:
            return f"All {many} exercises are right."
        if states.count("open") == many:
            return (
                f"None of the {many} exercises is done yet. "
                "Fill one in, run its cell, and then this one again."
            )
        return f"{right} of {many} exercises are right."

    def _repr_markdown_(self) -> str:
        return repr(self)


def progress(chapter: int) -> Progress:
    """What the checkers of a chapter said last, in this notebook's kernel.

    Raises ValueError for a chapter that has no exercises.
    """
    module = f"lib.check.chapter_{chapter:02}"
    if module not in EXERCISES:
        names = (name for name in EXERCISES if name.startswith("lib.check.chapter_"))
        known = ", ".join(str(int(name[-2:])) for name in names)
        raise ValueError(f"chapter is {chapter}, expected one of {known}")
    return Progress(dict(EXERCISES[module]))


def _state(verdict: Verdict | None) -> str:
    if verdict is None or verdict.open:
        return "open"
    return "right" if verdict.right else "not right yet"
