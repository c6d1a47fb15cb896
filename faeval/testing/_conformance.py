"""Conformance: what was checked of a subject, and what it failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """A property that does not hold: its name, and what was found, with the likely cause."""

    property: str
    explanation: str


@dataclass(frozen=True)
class Conformance:
    """The outcome of a check: properties by name that were checked, failed, or skipped for a reason."""

    subject: str
    checked: tuple[str, ...]
    failures: tuple[Failure, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no property failed."""
        return not self.failures

    def __str__(self) -> str:
        failed = {failure.property: failure.explanation for failure in self.failures}
        lines = [f"{self.subject}: {'passed' if self.passed else 'FAILED'}, {len(self.checked)} properties checked"]
        lines += [f"  {'FAIL' if name in failed else 'ok':4}  {name}" + (f": {failed[name]}" if name in failed else "")
                  for name in self.checked]  # fmt: skip
        lines += [f"  skip  {name}: {reason}" for name, reason in self.skipped]
        return "\n".join(lines)

    def raise_on_failure(self) -> None:
        """Raise AssertionError with the whole report where a property failed: a test in one line."""
        if self.failures:
            raise AssertionError(str(self))
