"""The numbers that a claim was made from, which it knows again wherever they decide it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from faeval.claims._arm_names import as_claimed
from faeval.claims._claim import Claim
from faeval.claims._design import design_of
from faeval.claims._evidence_index import EvidenceIndex
from faeval.claims._measurement import Measurement
from faeval.errors import FaevalError

if TYPE_CHECKING:
    import pandas as pd

_MOST = 12  # replicates of which the digest keeps a part, the lowest ones
_DIGITS = 6  # of each part
_SEEDS = "seeds "  # begins a digest whose parts hang on the seeds, too


def numbers_digest(claim: Claim, table: pd.DataFrame, setting: str | None = None) -> str:
    """Return a digest of the numbers that a claim reads, for its ``made_from=``.

    A replicate is a seed, or of unpaired sides an arm at a seed. Of each the numbers are hashed in
    the order of their size, without seed, setting, epoch or the arm's label, and
    the first six hexadecimal digits kept; the digest has the lowest twelve. So the same numbers
    are known under other seeds, and among more of them. Where two replicates have the same
    numbers, as outcomes of 0 and 1 have, others may have them by chance: then the seeds are hashed
    as well.

    Parameters
    ----------
    table
        Evidence as ``faeval.evidence.read`` gives it.
    setting
        The setting to read; needed where the table has several.

    Raises
    ------
    FaevalError
        The table holds several settings, or no number that the claim reads.

    Examples
    --------
    >>> import faeval as fe, pandas as pd
    >>> rows = [("toy", arm, seed, "score", seed + (arm == "b")) for arm in "ab" for seed in (1, 2)]
    >>> table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    >>> a, b = (fe.metric("score", fe.Arm(name)) for name in "ab")
    >>> claim = fe.Claim("b is better", fe.exceeds(b, a, by=fe.Margin(1, "a point")))
    >>> again = fe.evidence.read(table.assign(seed=table["seed"] + 40))
    >>> numbers_digest(claim, fe.evidence.read(table)) == numbers_digest(claim, again)
    True
    """
    present = sorted(table["setting"].unique())
    if setting is None and len(present) != 1:
        raise FaevalError(
            f"numbers_digest: the table holds {len(present)} settings"
            f" ({', '.join(present) or 'no row'}); say which with setting=."
        )
    name = str(present[0]) if setting is None else setting
    rows = as_claimed(table[table["setting"] == name], [claim], name)
    index, design = EvidenceIndex(rows), design_of(claim, name)
    there = index.seeds(design.label(arm) for arm in claim.arms())
    seeds = [seed for seed in there if not claim.plans(name) or seed in claim.planned(name)]
    replicates = _replicates(Measurement(claim, index, design, seeds, apart=True))
    if not replicates:
        raise FaevalError(
            f"numbers_digest: the table holds no number that claim {claim.name!r} reads."
        )
    alike = len({*replicates.values()}) < len(replicates)
    return _SEEDS * alike + " ".join(sorted(_parts(replicates, alike))[:_MOST])


def decides_on_its_source(claim: Claim, measurement: Measurement) -> bool:
    """Whether all numbers that a claim was made from are among those that it is decided on."""
    if claim.made_from is None:
        return False
    by_seed = claim.made_from.startswith(_SEEDS)
    parts = claim.made_from.removeprefix(_SEEDS).split()
    return {*parts} <= {*_parts(_replicates(measurement), by_seed)}


def _replicates(measurement: Measurement) -> dict[tuple[int, int], str]:
    """Return the numbers of each replicate as text, by seed and, of unpaired sides, arm."""
    arms = {arm: i for i, arm in enumerate(measurement.claim.arms())}
    paired = measurement.claim.is_paired
    numbers: dict[tuple[int, int], list[float]] = {}
    for reading, seed, _, cell in measurement.cells():
        numbers.setdefault((seed, 0 if paired else arms[reading.arm]), []).append(float(cell.value))
    return {key: ",".join(map(repr, sorted(own))) for key, own in numbers.items()}


def _parts(replicates: dict[tuple[int, int], str], by_seed: bool) -> Iterable[str]:
    for (seed, _), numbers in replicates.items():
        text = f"{seed}:{numbers}" if by_seed else numbers
        yield hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
