"""Conformance: what was checked of a subject, and what it failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """A property that does not hold: its name, the cause, and what it would do to a claim."""

    property: str
    explanation: str
    consequence: str = ""


@dataclass(frozen=True)
class Conformance:
    """The outcome of a check: properties that hold, fail, or were skipped for a reason.

    ``notes`` are of properties that hold, and what is to be known of them; ``tolerance`` is the
    error that was accepted beyond rounding, None where none was.
    """

    subject: str
    checked: tuple[str, ...]
    failures: tuple[Failure, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    tolerance: float | None = None

    @property
    def passed(self) -> bool:
        """Whether no property failed."""
        return not self.failures

    def __str__(self) -> str:
        failed = {failure.property: failure for failure in self.failures}
        accepted = "" if self.tolerance is None else f", errors up to {self.tolerance:g} accepted"
        lines = [
            f"{self.subject}: {'passed' if self.passed else 'FAILED'},"
            f" {len(self.checked)} properties checked{accepted}"
        ]
        for name in self.checked:
            failure = failed.get(name)
            lines.append(
                f"  ok    {name}" if failure is None else f"  FAIL  {name}: {failure.explanation}"
            )
            if failure is not None and failure.consequence:
                lines.append(f"        For a claim: {failure.consequence}.")
        lines += [f"  note  {name}: {text}" for name, text in self.notes]
        lines += [f"  skip  {name}: {reason}" for name, reason in self.skipped]
        return "\n".join(lines)

    def raise_on_failure(self) -> None:
        """Raise AssertionError with the whole report where a property failed."""
        if self.failures:
            raise AssertionError(str(self))
