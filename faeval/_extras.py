"""The extras of the installation, and the error that names one that is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec

from faeval.errors import MissingExtra

#: Who runs jobs: loky's processes, or a cluster by the extra of its name.
BACKENDS = ("loky", "dask", "ray")

# What is looked for before a room that needs an extra is entered.
_BRINGS = {
    "dask": ("distributed",),
    "ray": ("ray",),
    "bench": ("torch", "safetensors", "sklearn"),
    "plots": ("matplotlib",),
    "test-kit": ("hypothesis", "pytest"),
}


@contextlib.contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Import what an extra brings inside of this; what is missing is named with the command.

    Parameters
    ----------
    name
        The extra, such as ``"plots"``; or several, with commas.
    purpose
        What needs it, as the subject of the message, such as ``"a figure for a paper"``.

    Raises
    ------
    MissingExtra
        A package is not there.

    Examples
    --------
    >>> with extra("plots", "a figure for a paper"):
    ...     import a_package_that_is_not_there
    Traceback (most recent call last):
    faeval.errors.MissingExtra: a figure for a paper needs a_package_that_is_not_there, \
which is not installed: pip install "faeval[plots]".
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or str(error)).partition(".")[0]
        raise _missing(name, purpose, package) from error


def require(name: str, purpose: str) -> None:
    """Raise MissingExtra where an extra, or one of several, is missing; nothing of it is loaded."""
    for package in (package for one in name.split(",") for package in _BRINGS[one]):
        with extra(name, purpose):
            if find_spec(package) is None:
                raise _missing(name, purpose, package)


def _missing(name: str, purpose: str, package: str) -> MissingExtra:
    return MissingExtra(
        f'{purpose} needs {package}, which is not installed: pip install "faeval[{name}]".'
    )
