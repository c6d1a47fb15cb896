"""Estimand: one number per seed, as a linear combination of what evidence holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from faeval._arguments import count, finite, shown, whole
from faeval._safe_text import cut
from faeval.claims._functions import FUNCTIONS, Function
from faeval.errors import FaevalError
from faeval.experiment import METRICS, Arm
from faeval.stats import region_of


@dataclass(frozen=True)
class Layers:
    """Which states an estimand averages over.

    ``fixed`` names them; None stands for all deep states, 1..L, whatever L is. ``inexact_only``
    leaves out those whose credit is exact by construction.
    """

    fixed: tuple[int, ...] | None = None
    inexact_only: bool = False

    @property
    def inexact(self) -> Layers:
        """The same states without those whose credit is exact by construction."""
        return replace(self, inexact_only=True)

    def __str__(self) -> str:
        name = "deep" if self.fixed is None else ",".join(map(str, self.fixed))
        return name + (".inexact" if self.inexact_only else "")


#: States 1..L: everything that blocks produced.
deep = Layers()
#: State 0: what the embedding produced.
embedding = Layers((0,))


@dataclass(frozen=True)
class Course:
    """What is read of a metric over all epochs of a run: one number.

    The area under it, or the first epoch at which it is above or below a threshold.
    """

    above: float | None = None
    below: float | None = None

    @property
    def is_area(self) -> bool:
        """Whether it is the area; else the first epoch beyond the threshold."""
        return self.above is None and self.below is None

    def is_beyond(self, value: float) -> bool:
        """Whether a value is beyond the threshold; one on it is not, nor is what is undefined."""
        return value > self.above if self.above is not None else value < (self.below or 0.0)

    def __str__(self) -> str:
        if self.is_area:
            return "area"
        side, end = ("above", self.above) if self.below is None else ("below", self.below)
        return f"first epoch {side} {end:g}"


@dataclass(frozen=True)
class Read:
    """One metric of one arm, averaged over layers, at one epoch; None is the run's last.

    With ``course`` all epochs are read, for one number of them.
    """

    metric: str
    arm: Arm
    layers: Layers | None = None
    epoch: int | None = None
    exact: str | None = None
    course: Course | None = None
    outcome: Literal["rate"] | None = None

    def __str__(self) -> str:
        parts = [self.arm.label or "defaults"]
        if self.course is not None:
            return f"{self.course} of {self.metric}({parts[0]})"
        if self.layers is not None and self.layers != deep:
            parts.append({embedding: "embedding"}.get(self.layers, f"layers={self.layers}"))
        if self.epoch is not None:
            parts.append(f"epoch={self.epoch}")
        name = f"deep {self.metric}" if self.layers == deep else self.metric
        return f"{name}({', '.join(parts)})"


@dataclass(frozen=True)
class Call:
    """A function of estimands, seed by seed: a row of ``FUNCTIONS``, and its numbers."""

    op: str
    args: tuple[Estimand, ...]
    numbers: tuple[float, ...] = ()

    @property
    def function(self) -> Function:
        """The row of the table."""
        return FUNCTIONS[self.op]

    @property
    def weights(self) -> tuple[float, ...]:
        """How each argument enters, with its sign."""
        return self.function.weights(len(self.args), self.numbers)

    def __str__(self) -> str:
        args = [str(arg) for arg in self.args]
        if self.op in ("max_by", "min_by"):
            half = len(args) // 2
            (by,) = {read.metric for arg in self.args[half:] for read in arg.reads()}
            return f"{self.op[:3]}({', '.join(args[:half])}; chosen by {by})"
        if self.op.startswith("slope"):
            points = (f"{x:g}: {arg}" for x, arg in zip(self.numbers, args, strict=True))
            return f"{self.op.replace('_', ' ')}({', '.join(points)})"
        if self.function.is_outcome:
            region, (margin,) = region_of(self.op.removeprefix("holds_")), self.numbers
            a, b = args
            return f"share of seeds ({region.text.format(a=a, b=b, margin=f'{margin:g}')})"
        numbers = "".join(f"{number:g}; " for number in self.numbers)
        return f"{self.op}({numbers}{', '.join(args)})"


Atom = Read | Call


@dataclass(frozen=True, repr=False)
class Estimand:
    """One number per seed: a weighted sum of metrics read from runs, plus a constant.

    Made by :func:`metric` and its named forms (``cosine``, ``rho``, ``accuracy``, ...). Estimands
    add, subtract, and are scaled by numbers, seed by seed.

    Examples
    --------
    >>> dfa = Arm("dfa")
    >>> str(cosine(dfa.but(penalty=0.01)) - cosine(dfa))
    'deep cosine(dfa+penalty=0.01) - deep cosine(dfa)'
    """

    terms: tuple[tuple[float, Atom], ...] = ()
    constant: float = 0.0

    def __post_init__(self) -> None:
        merged: dict[Atom, float] = {}
        sizes: dict[Atom, float] = {}
        for weight, atom in self.terms:
            merged[atom] = merged.get(atom, 0.0) + weight
            sizes[atom] = sizes.get(atom, 0.0) + abs(weight)
        # 0.1 x + 0.2 x - 0.3 x is nothing, not 5.6e-17 x.
        terms = tuple((w, a) for a, w in merged.items() if abs(w) > 1e-12 * sizes[a])
        object.__setattr__(self, "terms", terms)

    def __add__(self, other: Estimand | float) -> Estimand:
        added = as_estimand(other, "a sum")
        return Estimand(self.terms + added.terms, self.constant + added.constant)

    __radd__ = __add__

    def __mul__(self, factor: float) -> Estimand:
        number = as_number(factor, "an estimand's factor")
        return Estimand(tuple((w * number, a) for w, a in self.terms), self.constant * number)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Estimand:
        if as_number(divisor, "an estimand's divisor") == 0:
            raise FaevalError(
                "an estimand cannot be divided by 0; for a ratio of two metrics compare fe.log10 of"
                " both."
            )
        return self * (1.0 / divisor)

    def __neg__(self) -> Estimand:
        return self * -1.0

    def __sub__(self, other: Estimand | float) -> Estimand:
        return self + -as_estimand(other, "a difference")

    def __rsub__(self, other: float) -> Estimand:
        return -self + other

    def __lt__(self, other: Any) -> NoReturn:
        raise FaevalError(
            f"({self}) and ({other}) cannot be compared by <, <=, > or >=: say fe.exceeds(a, b,"
            " by=fe.Margin(...)), fe.below, fe.not_above, fe.not_below or fe.equivalent, which"
            " take the margin that matters."
        )

    __le__ = __gt__ = __ge__ = __lt__

    def reads(self) -> tuple[Read, ...]:
        """Return all that must be read from evidence, each once."""
        return tuple(dict.fromkeys(reading for _, reading in self.signed_reads()))

    def signed_reads(self) -> list[tuple[float, Read]]:
        """Return each read with its weight.

        Below a logarithm, which increases, the weight is the read's share with its sign.
        """
        signed = []
        for weight, atom in self.terms:
            if isinstance(atom, Read):
                signed.append((weight * (-1.0 if _falls(atom) else 1.0), atom))
                continue
            inner = [
                (own * w, reading)
                for own, arg in zip(atom.weights, atom.args, strict=True)
                for w, reading in arg.signed_reads()
            ]
            # log10(2 x) is log10(x) and a constant: what counts below a logarithm is the
            # proportion.
            whole = sum(abs(w) for w, _ in inner) if atom.op == "log10" else 1.0
            signed += [(weight * w / whole, reading) for w, reading in inner]
        return signed

    def outcome(self, rates: Collection[str] = ()) -> Literal["rate", "mean", "mixed"]:
        """Return whether its values are outcomes, 0 or 1; "mixed" where they only enter it.

        ``rates`` names metrics that an experiment declares to be outcomes.
        """
        is_rate = [_is_rate(atom, rates) for _, atom in self.terms]
        if is_rate == [True] and self.terms[0][0] == 1.0 and not self.constant:
            return "rate"
        enters = any(is_rate) or any(
            arg.outcome(rates) != "mean"
            for _, atom in self.terms
            if isinstance(atom, Call) and not atom.function.is_outcome
            for arg in atom.args
        )
        return "mixed" if enters else "mean"

    def with_reads(self, change: Callable[[Read], Read]) -> Estimand:
        """Return the estimand with every read replaced."""

        def changed(atom: Atom) -> Atom:
            if isinstance(atom, Read):
                return change(atom)
            return replace(atom, args=tuple(arg.with_reads(change) for arg in atom.args))

        return Estimand(tuple((w, changed(a)) for w, a in self.terms), self.constant)

    def __repr__(self) -> str:
        return f"<Estimand {cut(str(self), 240)}>"

    def __str__(self) -> str:
        parts = [
            (weight, f"{'' if abs(weight) == 1 else f'{abs(weight):g} '}{atom}")
            for weight, atom in self.terms
        ]
        if self.constant or not parts:
            parts.append((self.constant, f"{abs(self.constant):g}"))
        text = "".join(f" {'-' if number < 0 else '+'} {part}" for number, part in parts)
        return text.removeprefix(" + ") if parts[0][0] >= 0 else f"-{text.removeprefix(' - ')}"


def _falls(read: Read) -> bool:
    """Whether a higher metric makes what is read smaller: it is above a threshold sooner."""
    return read.course is not None and read.course.above is not None


def _is_rate(atom: Atom, rates: Collection[str]) -> bool:
    if isinstance(atom, Call):
        return atom.function.is_outcome
    return atom.course is None and (atom.outcome == "rate" or atom.metric in rates)


def as_estimand(value: Any, where: str) -> Estimand:
    """Return an estimand, or a number as a constant one."""
    return value if isinstance(value, Estimand) else Estimand(constant=as_number(value, where))


def unpacked(given: Any) -> str:
    """Return what to do where a list was given in place of what it holds."""
    return " Give what the list holds, by *list." if isinstance(given, list | tuple) else ""


def as_number(value: Any, where: str) -> float:
    """Return a finite number; raise FaevalError where it is none."""
    number = finite(value)
    if number is None:
        raise FaevalError(
            f"{where} takes an estimand such as fe.cosine(arm), or a finite number; it was given"
            f" {value!r} ({type(value).__name__})."
        )
    return number


def metric(
    name: str,
    arm: Arm,
    *,
    layers: Layers | Iterable[int] | int | None = None,
    epoch: int | None = None,
    exact: str | None = None,
    outcome: Literal["rate"] | None = None,
) -> Estimand:
    """Return any metric of an arm as an estimand.

    Parameters
    ----------
    name
        The metric's name in evidence.
    arm
        The arm, or its label.
    layers
        For metrics with a number for each state: ``fe.deep`` (states 1..L), ``fe.deep.inexact``,
        ``fe.embedding``, a number, several. None for metrics without layers.
    epoch
        None reads the run's last epoch.
    exact
        "included" lets states whose credit is exact by construction into the average.
    outcome
        "rate" for an outcome that is 0 or 1 in each run, such as whether it converged: its rate
        over seeds is decided by exact rules. An experiment may declare it of its metric instead.

    Raises
    ------
    FaevalError
        An argument is of the wrong type or out of range.
    """
    if not isinstance(name, str) or not name or set("@!") & set(name):
        raise FaevalError(
            f"fe.metric: name={name!r} ({type(name).__name__}) must be a metric's name."
        )
    last = whole(epoch)
    if epoch is not None and (last is None or not 0 <= last < 2**63):
        raise FaevalError(
            f"fe.{name}: epoch={shown(epoch)} ({type(epoch).__name__}) must be a whole number >= 0,"
            " below 2**63, or None for the last."
        )
    if exact not in (None, "included"):
        raise FaevalError(f"fe.{name}: exact={exact!r} must be 'included' or left out.")
    if outcome not in (None, "rate"):
        raise FaevalError(
            f"fe.{name}: outcome={outcome!r} ({type(outcome).__name__}) must be 'rate', of a metric"
            " with one number a run (0 or 1), or left out."
        )
    if outcome and layers is not None:
        raise FaevalError(
            f"fe.{name}: layers={layers!r} with outcome='rate': an outcome is one number a run (0"
            " or 1); leave one of the two out."
        )
    at = _layers(layers, name)
    return Estimand(((1.0, Read(name, _arm(arm, name), at, last, exact, None, outcome)),))


def _arm(given: Any, name: str) -> Arm:
    """Return an arm, or the one that a label names."""
    arm = Arm.parse(given) if isinstance(given, str) else given
    if not isinstance(arm, Arm):
        raise FaevalError(
            f"fe.{name}: arm={arm!r} ({type(arm).__name__}) must be an fe.Arm, such as"
            " fe.Arm('dfa')."
        )
    return arm


def _layers(given: Any, name: str) -> Layers | None:
    if given is None or isinstance(given, Layers):
        return given
    items = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    numbers = [n for n in map(whole, items) if n is not None and 0 <= n < 2**63]
    if len(numbers) < max(len(items), 1):
        raise FaevalError(
            f"fe.{name}: layers={shown(given)} ({type(given).__name__}) must be fe.deep,"
            " fe.deep.inexact, fe.embedding, a whole number >= 0 and below 2**63, or several."
        )
    if len({*numbers}) < len(numbers):
        raise FaevalError(f"fe.{name}: layers={shown(given)} names a layer twice; name each once.")
    return Layers(tuple(sorted(numbers)))


def _named(name: str) -> Callable[..., Estimand]:
    about = METRICS[name]
    default: Layers | None = deep if about.layered else None

    def read(
        arm: Arm,
        layers: Layers | Iterable[int] | int | None = default,
        epoch: int | None = None,
        exact: str | None = None,
    ) -> Estimand:
        return metric(name, arm, layers=layers, epoch=epoch, exact=exact)

    read.__name__ = read.__qualname__ = name
    read.__doc__ = (
        f"{about.description}\n\n    The estimand of an arm; see :func:`metric` for the arguments."
    )
    return read


cosine = _named("cosine")
rho = _named("rho")
accuracy = _named("accuracy")
growth = _named("growth")
gradient_norm = _named("gradient_norm")
state_norm = _named("state_norm")
credit_norm = _named("credit_norm")
train_loss = _named("train_loss")
test_loss = _named("test_loss")
nudge = _named("nudge")
norm_ratio = _named("norm_ratio")
direction_stability = _named("direction_stability")


def depth_utility(arm: Arm, trained_blocks: int = 0, epoch: int | None = None) -> Estimand:
    """Return what training the blocks is worth, in accuracy.

    It is the accuracy of an arm minus that of the same arm with its blocks frozen.

    The baseline is trained by the same rule, embedding and readout included, so that only
    ``trained_blocks`` differs: a claim attributes the contrast to it. The rungs of a depth ladder
    are its values for 0, 1, ... trained blocks.

    Parameters
    ----------
    arm
        The arm whose blocks all learn.
    trained_blocks
        How many of the last blocks learn in the baseline.
    epoch
        None reads the end of each run.

    Examples
    --------
    >>> str(depth_utility(Arm("dfa")))
    'accuracy(dfa) - accuracy(dfa+trained_blocks=0)'
    """
    baseline = _arm(arm, "depth_utility").but(
        trained_blocks=count("fe.depth_utility: trained_blocks", trained_blocks)
    )
    return accuracy(arm, epoch=epoch) - accuracy(baseline, epoch=epoch)


def depth_ladder(arm: Arm, blocks: int, epoch: int | None = None) -> tuple[Estimand, ...]:
    """Return an arm's accuracy with only its last 0, 1, ..., ``blocks`` blocks trained.

    The first is the frozen one.

    Examples
    --------
    >>> [str(rung) for rung in depth_ladder(Arm("fa"), 1)]
    ['accuracy(fa+trained_blocks=0)', 'accuracy(fa+trained_blocks=1)']
    """
    rungs = range(count("fe.depth_ladder: blocks", blocks, low=1) + 1)
    whole_arm = _arm(arm, "depth_ladder")
    return tuple(accuracy(whole_arm.but(trained_blocks=k), epoch=epoch) for k in rungs)


def call(op: str, args: tuple[Estimand, ...], numbers: tuple[float, ...] = ()) -> Estimand:
    """Return a function of estimands as one."""
    return Estimand(((1.0, Call(op, args, numbers)),))


def log10(estimand: Estimand) -> Estimand:
    """Return the decimal logarithm of an estimand, seed by seed.

    It is undefined where the estimand is not positive.
    """
    if not isinstance(estimand, Estimand) or not estimand.terms:
        raise FaevalError(
            f"fe.log10: {estimand!r} ({type(estimand).__name__}) must be an estimand, such as"
            " fe.growth(arm)."
        )
    return call("log10", (estimand,))


def mean(*estimands: Estimand) -> Estimand:
    """Return the average of estimands, seed by seed."""
    if not estimands:
        raise FaevalError("fe.mean: no estimand was given; give at least one.")
    for one in estimands:
        if note := unpacked(one):
            raise FaevalError(f"fe.mean: {one!r} ({type(one).__name__}) is no estimand.{note}")
    return sum((as_estimand(e, "fe.mean") for e in estimands), Estimand()) / len(estimands)
