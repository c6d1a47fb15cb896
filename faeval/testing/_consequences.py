"""What a property that fails would do to a claim, one sentence each."""

from __future__ import annotations

_WRONG = "Its numbers are wrong, so that a claim about them says nothing"
_SIZE = (
    "Where signals are that small or large, its numbers tell of their size; a claim "
    "would take that for the arm's credit"
)
_RULES = (
    "Its numbers depend on what has no part in what it measures; a claim would take that for a"
    " difference of the arms"
)
_AGAIN = (
    "The same checkpoint would be read differently another time, and nobody could check a verdict"
)
_NARROW = (
    "Audits give float64, so that no claim of an audit is touched; signals of this type it would"
    " read wrong"
)

CONSEQUENCES = {
    "shape and type": "An audit stops with an error, and the claim has no verdict",
    "the written formula": _WRONG,
    "large batches and many dimensions": (
        "An audit gives about 1,000 samples of a layer's width: there its numbers are wrong"
    ),
    "order of samples": _RULES,
    "memory layout": (
        "Its numbers depend on how a tensor lies in memory, which differs from rule to rule"
    ),
    "arguments stay as they are": (
        "Who uses the signals after it reads others; an audit gives copies, so that no claim is"
        " touched"
    ),
    "no global random state": _AGAIN,
    "the process stays as it was": (
        "What is measured after it in the same process is measured otherwise"
    ),
    "the same at every call": _AGAIN,
    "arguments that require gradients": (
        "Audits give no gradient graph, so that no claim of an audit is touched"
    ),
    "CUDA agrees": "A verdict would depend on the device",
    "near-parallel and near-orthogonal pairs": (
        "Where credit is nearly the gradient, or unrelated, a claim rests on a wrong number"
    ),
    "norms from 1e-30 to 1e30": _SIZE,
    "small cosines keep their digits": (
        "Weak alignment reads as another number, or none; a claim about small alignment errs"
    ),
    "arguments of two types": _NARROW,
    "NumPy arrays agree": (
        "Who gives it arrays reads other numbers; an audit gives it one kind, so that no claim is"
        " touched"
    ),
    "bounds": "A value outside its range is no legal value: the claim is invalid (out_of_range)",
    "sign of the credit": "Credit that points against the gradient would read as credit along it",
    "repetition of samples": "Its numbers depend on how many samples an audit has",
    "rotation": (
        "Its numbers depend on the axes of a layer, which mean nothing; a claim would take that for"
        " the arm's credit"
    ),
    "planted cosines": "A known alignment does not read back: a margin in its units means nothing",
    "float32": _NARROW,
    "float16": _NARROW,
    "a sample is judged alone": (
        "A sample's number depends on the others of its batch, and the mean over samples with it"
    ),
    "scale of each sample's credit": _SIZE,
    "scale of each sample's gradient": _SIZE,
    "scale of the loss": _SIZE,
    "scale of all credit": _SIZE,
    "undefined where there is no direction": (
        "Samples without credit or gradient count as if they had been read"
    ),
    "undefined where nothing is measured": (
        "A state without credit or gradient reads a number, which a claim would believe"
    ),
    "a row without a direction has no weight": (
        "Samples without credit or gradient count as if they had been read"
    ),
    "no sample": "No audit is without samples, so that no claim is touched",
    "norms whose squares float64 cannot hold": _SIZE,
    "zero is zero": "A signal that is not there would read as one that is",
    "what is not finite is not hidden": "A run that diverged would read as one that did not",
    "sign: after minus before": "A step that helps would read as one that harms",
    "nothing moved, nothing changed": (
        "An arm without credit would read as one that changes the loss"
    ),
    "steps and sizes": "A step of another size than 0.125 is read wrong; an audit's is 0.01",
}


def consequence(name: str, problem: str) -> str:
    """Return what a failure would do to a claim.

    What its property would, or less where it is of rounding alone.
    """
    if "; rounding: " in problem or "; rounded inside" in problem:
        return (
            "Only a claim whose margin is near errors of this size is touched; tolerance= accepts"
            " them, such as 1e-6"
        )
    if "an eps " in problem and CONSEQUENCES[name] != _NARROW:
        return (
            "Small signals read wrong, cosines too near 0: a claim about small gradients errs"
            " towards no alignment"
        )
    return CONSEQUENCES[name]
