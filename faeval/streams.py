"""Named random streams: every random number of a run comes from (seed, role).

None comes from a global generator.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *role: str | int) -> np.random.Generator:
    """Return the generator that belongs to one role of one seed.

    Two arms at one seed draw the same numbers in every role that both have (init, feedback, order,
    augmentation, noise, perturbation), however many numbers each draws in other roles: this is what
    pairs them. Roles are hashed, so adding one never moves another.

    Parameters
    ----------
    seed
        The replicate; a whole number >= 0.
    *role
        What the numbers are for, from general to particular, such as ``"init",
        "blocks.0.first.weight"``.

    Examples
    --------
    >>> a, b = stream(7, "order", 1), stream(7, "order", 1)
    >>> bool((a.permutation(5) == b.permutation(5)).all())
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, role)).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
