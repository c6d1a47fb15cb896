"""fe.audit: the audits of a network and credit of one's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from faeval.bench.audits._checkpoint_audit import DIRECTIONS, Row, audit_signals, gather
from faeval.bench.audits._nudging import nudging
from faeval.bench.audits._published_recipe import published
from faeval.bench.networks import Network, check_network
from faeval.bench.rules import Rule
from faeval.errors import FaevalError

if TYPE_CHECKING:
    import pandas as pd

Credit = Callable[[Network, list[Tensor], Tensor, Tensor], Sequence[Tensor]]


class _Given(Rule):
    """A rule of a function, called in float64 whatever is audited.

    Its own tensors may be of that type alone.
    """

    def __init__(self, credit: Credit, network: Network) -> None:
        super().__init__()
        self._credit, self._double = credit, [network]  # in a list: no submodule of the rule

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        signals = list(
            self._credit(self._double[0], [h.double() for h in states], logits.double(), labels)
        )
        return [a.to(logits.dtype) if isinstance(a, Tensor) else a for a in signals]


def audit(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    rule: Rule | Credit | Sequence[Tensor],
    *,
    chunk: int | None = None,
    directions: int = DIRECTIONS,
    full: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Audit the credit that a rule gives to the states of a network, in float64, with controls.

    Needs the extra ``bench``.

    Parameters
    ----------
    network
        An nn.Module with ``embed``, ``blocks`` and ``readout`` (see
        ``faeval.bench.networks.Network``), on any device. It is copied, the copy set to evaluation
        mode and float64; yours stays as it is.
    inputs, labels
        (n, ...) of a floating type; (n,) whole numbers from 0, below the number of classes.
    rule
        A ``faeval.bench.rules.Rule`` with the feedback that the network was trained with; a
        function ``credit(network, states, logits, labels)`` that returns an (n, d) tensor for each
        state; or those tensors themselves.
    chunk
        Samples that pass through the network at once, which bounds memory; None for all. Results
        differ by rounding alone (1e-9).
    directions
        Directions of the finite-difference check and controls; 0 leaves them out.
    full
        Also nudging, and the published recipe in float32.
    seed
        Names the streams that directions and controls are drawn from.

    Returns
    -------
    DataFrame
        Columns metric, layer (empty for metrics of the whole network), value, status (measured,
        below_floor, undefined), exact (at this state the credit is the true gradient, so that it is
        scored against itself). What each metric is stands in ``faeval.experiment.METRICS``.

    Raises
    ------
    FaevalError
        Inputs, labels, network or credit are not what is asked for: the message names which, and
        the remedy.

    Examples
    --------
    >>> from faeval.bench.networks import ResidualMLP
    >>> from faeval.bench.rules import DirectFeedbackAlignment, Setup
    >>> network = ResidualMLP(features=5, width=8, blocks=2, classes=3, seed=1)
    >>> rule = DirectFeedbackAlignment(Setup(width=8, blocks=2, classes=3, seed=1))
    >>> table = audit(network, torch.randn(64, 5), torch.arange(64) % 3, rule)
    >>> table[table.metric == "cosine"].layer.tolist()
    [0, 1, 2]
    """
    import pandas as pd

    _whole("chunk", chunk, 1, optional=True)
    _whole("directions", directions, 0)
    _whole("seed", seed, 0)
    x, y = _inputs(inputs, labels)
    if not isinstance(network, nn.Module):
        raise FaevalError(
            f"audit: network={type(network).__name__} is no torch.nn.Module with embed, blocks and"
            " readout."
        )
    copied = cast(Network, copy.deepcopy(network).eval().double())
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
    device = next((t.device for t in copied.state_dict().values()), x.device)
    x, y = x.to(device), y.to(device)
    with torch.no_grad():
        classes = _classes(copied, x[:2])
    if len(x) > 1:
        check_network(copied, x[:8], classes)
    if int(y.max()) >= classes:
        raise FaevalError(
            f"audit: labels hold {int(y.max())}, and the network has {classes} classes, 0 to"
            f" {classes - 1}."
        )
    own = _rule(rule, len(x), copied)
    backward_pass, signals = gather(copied, own, x, y, chunk)
    _check_outputs(backward_pass.logits, backward_pass.states, signals)
    rows: list[Row] = audit_signals(
        copied, backward_pass, signals, y, seed, directions=directions, chunk=chunk
    )[0]
    if full:
        rows += nudging(copied, own, x, y)
        rows += published(
            copy.deepcopy(copied).float(),
            _rule(rule, len(x), copied, torch.float32),
            x.float(),
            y,
            seed,
        )
    table = pd.DataFrame(rows, columns=["metric", "layer", "value", "status"]).astype(
        {"layer": "Int64"}
    )
    exact = [
        k
        for k, (a, g) in enumerate(zip(signals, backward_pass.gradients, strict=True))
        if _is_gradient(a, g)
    ]
    return table.assign(exact=table["layer"].isin(exact).fillna(False).astype(bool))


def _is_gradient(credit: Tensor, gradient: Tensor) -> bool:
    """Return whether credit is the gradient, up to rounding and one factor.

    It would be scored against itself.
    """
    size = credit.norm()
    if not bool(size > 0) or not bool(gradient.norm() > 0):
        return False
    return bool((credit / size - gradient / gradient.norm()).abs().amax() < 1e-12)


def _classes(network: Network, x: Tensor) -> int:
    """Return how many classes a network's readout has, asked with a few inputs."""
    from faeval.bench.networks import logits_of

    for name in ("embed", "blocks", "readout"):
        if not hasattr(network, name):
            raise FaevalError(
                f"audit: network {type(network).__name__} has no {name}; it needs embed(x) -> (n,"
                " d), blocks (an nn.ModuleList) and readout(h) -> (n, classes)."
            )
    try:
        logits = logits_of(network, x)
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        raise FaevalError(
            f"audit: network {type(network).__name__} fails on inputs of shape {tuple(x.shape)} in"
            f" float64 ({type(error).__name__}: {first})."
        ) from error
    if logits.ndim != 2:
        raise FaevalError(
            f"audit: readout gives the shape {tuple(logits.shape)}; it must be (n, classes)."
        )
    return int(logits.shape[1])


def _inputs(inputs: Any, labels: Any) -> tuple[Tensor, Tensor]:
    for name, value in (("inputs", inputs), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise FaevalError(
                f"audit: {name} is a {type(value).__name__}; give a torch.Tensor, such as"
                f" torch.as_tensor({name})."
            )
    if not inputs.is_floating_point():
        raise FaevalError(
            f"audit: inputs are {inputs.dtype}; give floating numbers, normalised as in training,"
            " such as inputs.float() / 255."
        )
    if inputs.ndim < 2 or not len(inputs):
        raise FaevalError(
            f"audit: inputs have the shape {tuple(inputs.shape)}; give (n, ...) with at least one"
            " sample."
        )
    if labels.shape != (len(inputs),):
        raise FaevalError(
            f"audit: labels have the shape {tuple(labels.shape)}; {len(inputs)} inputs need"
            f" ({len(inputs)},)."
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise FaevalError(
            f"audit: labels are {labels.dtype}; give whole numbers, such as labels.long()."
        )
    if int(labels.min()) < 0:
        raise FaevalError(f"audit: labels hold {int(labels.min())}; classes are counted from 0.")
    bad = int((~inputs.isfinite()).flatten(1).any(dim=1).sum())
    if bad:
        raise FaevalError(
            f"audit: inputs hold NaN or infinity in {bad} of {len(inputs)} samples; leave those"
            " out."
        )
    return inputs.detach().double(), labels.detach().long()


def _rule(rule: Any, n: int, network: Network, dtype: torch.dtype = torch.float64) -> Rule:
    if isinstance(rule, Rule):
        return copy.deepcopy(rule).to(dtype).eval()
    if (
        isinstance(rule, Sequence)
        and not isinstance(rule, str)
        and all(isinstance(a, Tensor) for a in rule)
        and rule
    ):
        for layer, a in enumerate(rule):
            if a.ndim != 2 or len(a) != n:
                raise FaevalError(
                    f"audit: credit at state {layer} has the shape {tuple(a.shape)}; {n} samples"
                    f" need ({n}, d)."
                )
            if not a.is_floating_point():
                raise FaevalError(
                    f"audit: credit at state {layer} is {a.dtype}; give a floating type."
                )
        return _Slices([a.detach().to(dtype) for a in rule])
    if isinstance(rule, type | str):
        name = rule if isinstance(rule, str) else rule.__name__
        raise FaevalError(
            f"audit: rule={name!r} is a name or class without feedback; give the rule itself, with"
            " the matrices that the network was trained with: with others every alignment is"
            " about 0."
        )
    if callable(rule):
        return _Given(cast(Credit, rule), network)
    raise FaevalError(
        f"audit: rule={rule!r} ({type(rule).__name__}) must be a faeval.bench.rules.Rule, a"
        " function credit(network, states, logits, labels), or a list of one (n, d) tensor a state."
    )


class _Slices(Rule):
    """Credit known beforehand, handed out in the order of the samples.

    After the last it starts again.
    """

    def __init__(self, signals: list[Tensor]) -> None:
        super().__init__()
        self.signals, self.at = signals, 0

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        part = slice(self.at, self.at + len(labels))
        self.at = part.stop % len(self.signals[0])
        return [a[part].to(logits.device) for a in self.signals]


def _check_outputs(logits: Tensor, states: list[Tensor], signals: list[Tensor]) -> None:
    if not bool(logits.isfinite().all()):
        bad = int((~logits.isfinite()).any(dim=1).sum())
        raise FaevalError(
            f"audit: the network gives NaN or infinity for {bad} of {len(logits)} samples; it has"
            " diverged, or the inputs are not normalised."
        )
    if len(signals) != len(states):
        raise FaevalError(
            f"audit: the rule gives {len(signals)} credit signals; {len(states)} states need one"
            " each."
        )
    for layer, (h, a) in enumerate(zip(states, signals, strict=True)):
        if not isinstance(a, Tensor) or a.shape != h.shape:
            shape = tuple(a.shape) if isinstance(a, Tensor) else type(a).__name__
            raise FaevalError(
                f"audit: credit at state {layer} has the shape {shape}; it must be"
                f" {tuple(h.shape)}."
            )
        bad = int((~a.isfinite()).any(dim=1).sum())
        if bad:
            raise FaevalError(
                f"audit: credit at state {layer} holds NaN or infinity in {bad} of"
                f" {len(a)} samples; nothing can be said of it."
            )


def _whole(name: str, value: Any, low: int, optional: bool = False) -> None:
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise FaevalError(
            f"audit: {name}={value!r} ({type(value).__name__}) must be a whole number >= {low}."
        )
