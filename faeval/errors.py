"""Every error that faeval raises on purpose. Catch FaevalError to catch them all."""

from __future__ import annotations

from faeval._safe_text import cut


class FaevalError(Exception):
    """Something given to faeval cannot be used; the message names it, its value and the remedy."""

    exit_code = 2

    def __init__(self, message: object = "") -> None:
        """Keep the message, or of one that is too long its beginning and end."""
        super().__init__(cut(str(message)))


class ClaimsFileError(FaevalError):
    """A claims file could not be loaded; the message names the file and the line."""


class EvidenceError(FaevalError):
    """An evidence table or store cannot be read: its columns, its types, its encoding."""


class DataError(FaevalError):
    """A data set is missing, truncated, or not in the layout that was promised."""


class MissingExtra(FaevalError, ImportError):
    """A package is missing that an extra of faeval brings; the message has the command."""


class Tampered(FaevalError):
    """A record, checkpoint or lock does not match its own checksum.

    It was altered or cut off after it was written.
    """

    exit_code = 12


class Drifted(FaevalError):
    """A verdict comes out otherwise from the evidence that it was decided from before."""

    exit_code = 1
