"""Arms under one name: claims and evidence may write the same arm in different ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from faeval._safe_text import listed
from faeval.claims._claim import Claim
from faeval.claims._design import Design, design_of
from faeval.errors import EvidenceError, FaevalError
from faeval.experiment import Arm, Experiment, labels_of, named

if TYPE_CHECKING:
    import pandas as pd

_Texts: TypeAlias = frozenset[tuple[str, str]]


def as_claimed(
    table: pd.DataFrame,
    claims: Iterable[Claim],
    setting: str,
    known: Mapping[str, Experiment] | None = None,
) -> pd.DataFrame:
    """Return the rows of one setting with arms labelled as the claims label them.

    The table itself is returned where nothing differs.

    Factors stand in any order, and those at the experiment's defaults may be named (see
    ``faeval.experiment.labels_of``). A claim's word that evidence has as a number, or a number that
    it has as that word, is found where only one arm reads so.

    Raises
    ------
    EvidenceError
        Evidence spells an arm that a claim reads in several ways, which may be several arms.
    """
    all_claims = list(claims)
    designs = [
        design_of(claim, setting, dict(known) if known is not None else None)
        for claim in all_claims
    ]
    design = next((d for d in designs if d.experiment is not None), Design())
    claimed_labels = {
        label
        for claim in all_claims
        for arm in claim.metrics_by_arm()
        if (label := _label(arm, design)) is not None
    }
    labels = labels_of(
        table["arm"].unique().tolist(),
        design.experiment.canonical if design.experiment else lambda a: a,
    )
    _check_one_spelling(labels, claimed_labels, design)
    free = _by_texts(set(labels.values()) - claimed_labels)
    for key, targets in _by_texts(claimed_labels - set(labels.values())).items():
        if len(targets) == len(free.get(key, ())) == 1:
            labels = {
                text: targets[0] if label == free[key][0] else label
                for text, label in labels.items()
            }
    return (
        table
        if all(t == label for t, label in labels.items())
        else table.assign(arm=table["arm"].map(labels))
    )


def _label(arm: Arm, design: Design) -> str | None:
    try:
        return design.label(arm)
    except FaevalError:  # its verdict says so
        return None


def _check_one_spelling(labels: Mapping[str, str], asked: set[str], design: Design) -> None:
    by_value = defaultdict(list)
    for text, label in labels.items():
        arm = _read(text)
        if (
            arm is not None
            and (claim_label := _label(arm, design)) is not None
            and claim_label != label
        ):
            by_value[claim_label].append(text)
    for label in sorted(asked & set(by_value)):
        texts = by_value[label]
        raise EvidenceError(
            f"evidence spells the arm {named(label)} as {listed([repr(text) for text in texts])},"
            f" which may be several arms: name each as a word, such as fe.Arm({texts[0]!r}), or"
            " spell it in one way."
        )


def _read(text: str) -> Arm | None:
    try:
        return Arm.parse(text)
    except FaevalError:
        return None


def _by_texts(labels: Iterable[str]) -> dict[_Texts, list[str]]:
    """Return labels by the text of their factors, whether they are words or numbers.

    A word that reads as a label counts as that label.
    """
    by_texts: defaultdict[_Texts, list[str]] = defaultdict(list)
    for label in sorted(labels):
        arm = _read(label) or Arm()
        word = arm["rule"] if set(arm) == {"rule"} else None
        inner_arm = _read(word) if isinstance(word, str) else None
        by_texts[
            frozenset((name, str(value)) for name, value in (inner_arm or arm).items())
        ].append(label)
    return by_texts
