"""Components: learning rules and networks by name, with the factors that are theirs alone.

Light: what they do is loaded late.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment._arm import Value
from faeval.experiment._code import code_of
from faeval.experiment._factor import Factor, as_factors
from faeval.experiment._metrics import METRICS, Metric

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


def no_states(_: Mapping[str, Value]) -> tuple[int, ...]:
    """Return no state, of any arm."""
    return ()


@dataclass(frozen=True)
class Component:
    """A part of a run that is named by a word: a learning rule, a network or a metric.

    Rules and networks are values of an arm's factor.

    Parameters
    ----------
    kind, name
        The factor, and its value; or ``metric``, and its name in evidence.
    make
        What makes it, or a dotted path ``module:name`` that is loaded inside the worker.
    factors
        Factors of its own: an arm may name them beside this component and no other. Factor name to
        default, or
        :class:`Factor`.
    exact
        From an arm's factors to the states whose credit is the true gradient by construction.
    revision
        Raised when its numbers change for a reason that its code does not show: a data file, a C
        extension. The digest of the code that it reaches counts beside it.
    about
        Of a metric: what a reader must know of its numbers.
    """

    kind: str
    name: str
    make: Callable[..., Any] | str
    factors: Mapping[str, Any] = field(default_factory=dict)
    exact: Callable[[Mapping[str, Value]], tuple[int, ...]] = no_states
    revision: str | None = None
    help: str = ""
    about: Metric | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.match(self.name):
            raise FaevalError(
                f"{self.kind}: the name {self.name!r} must be one word of letters, digits, '-' and"
                " '_', and start with no digit."
            )
        if not callable(self.make) and not isinstance(self.make, str):
            raise FaevalError(
                f"{self.kind} {self.name!r}: {self.make!r} ({type(self.make).__name__}) makes no"
                f" {self.kind}; give a class, a function, or a path 'module:name'."
            )
        object.__setattr__(self, "factors", MappingProxyType(as_factors(self.factors)))
        if self.revision is None:
            object.__setattr__(self, "revision", "1")

    def __reduce__(self) -> tuple[Any, ...]:  # a mapping proxy does not travel to a worker
        return Component, tuple((vars(self) | {"factors": dict(self.factors)}).values())

    def resolve(self) -> Callable[..., Any]:
        """Return what makes it, importing its module when it is named by a path."""
        if not isinstance(self.make, str):
            return self.make
        module, _, name = self.make.partition(":")
        try:
            function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise FaevalError(
                f"{self.kind} {self.name!r} is to be found at {self.make!r}, which cannot be loaded"
                f" ({type(error).__name__}: {error}); install its package or name its folder in"
                f" PYTHONPATH, or register the {self.kind} itself."
            ) from error
        return function

    def own(self, factors: Mapping[str, Value]) -> dict[str, Value]:
        """Return those of an arm's factors that are this component's."""
        return {name: value for name, value in factors.items() if name in self.factors}


def all_states(factors: Mapping[str, Value]) -> tuple[int, ...]:
    """Return every state of a network with these factors: one more than it has blocks."""
    return tuple(range(int(factors["blocks"] or 0) + 1))


def _last_state(factors: Mapping[str, Value]) -> tuple[int, ...]:
    return (int(factors["blocks"] or 0),)


_FEEDBACK = {
    "feedback": Factor(
        "gaussian", choices=("gaussian", "uniform"), help="law of the fixed matrices"
    )
}
_MAGNITUDE = {"magnitude": Factor("uniform", choices=("uniform", "batchwise"), help="uSF or brSF")}
_RELAXATION = {
    "beta": Factor(1.0, low=1e-9, help="strength of the nudge"),
    "relaxation": Factor(12, low=1, help="steps of the nudged phase"),
    "rate": Factor(0.5, low=1e-9, help="length of a step of the nudged phase, at most"),
    "symmetric": Factor(False, help="nudge both ways"),
}
_RESIDUAL = {
    "hidden": Factor(1.0, low=0.0, help="width within a block, in units of width"),
    "terminal_norm": Factor(True, help="LayerNorm before the head"),
    "residual": Factor(True, help="skip around each block"),
}
_VIT = {"grid": Factor(4, low=1, help="patches along each side of an image")}
_CNN = {"grid": Factor(8, low=1, help="side of the feature maps")}
_STUDENT = {"nonlinearity": Factor(1.0, low=0.0, high=1.0, help="a in (1 - a) z + a tanh z")}

_OURS = (
    # Backpropagation's credit is the gradient: scoring it against itself says nothing.
    Component(
        "rule",
        "bp",
        "faeval.bench.rules:Backpropagation",
        exact=all_states,
        help="backpropagation",
    ),
    Component(
        "rule",
        "fa",
        "faeval.bench.rules:FeedbackAlignment",
        _FEEDBACK,
        _last_state,
        help="feedback alignment, by blocks",
    ),
    Component(
        "rule",
        "dfa",
        "faeval.bench.rules:DirectFeedbackAlignment",
        _FEEDBACK,
        help="direct feedback alignment",
    ),
    Component(
        "rule",
        "drtp",
        "faeval.bench.rules:DirectRandomTargetProjection",
        _FEEDBACK,
        help="direct random target projection",
    ),
    Component(
        "rule",
        "sign_symmetric",
        "faeval.bench.rules:SignSymmetric",
        _MAGNITUDE,
        help="sign of each forward weight",
    ),
    Component(
        "rule",
        "kolen_pollack",
        "faeval.bench.rules:KolenPollack",
        help="feedback weights that learn what forward ones learn",
    ),
    Component(
        "rule",
        "ep",
        "faeval.bench.rules:EquilibriumPropagation",
        _RELAXATION,
        help="equilibrium propagation",
    ),
    Component(
        "rule",
        "sb",
        "faeval.bench.rules:StateBridge",
        help="State Bridge, through a learned guess of the last state",
    ),
    Component(
        "rule",
        "cb",
        "faeval.bench.rules:CreditBridge",
        help="Credit Bridge, the slope of a learned value",
    ),
    Component(
        "network",
        "residual_mlp",
        "faeval.bench.networks:ResidualMLP",
        _RESIDUAL,
        help="pre-norm residual MLP",
    ),
    Component(
        "network",
        "student",
        "faeval.bench.networks:StudentNet",
        _STUDENT,
        help="StudentNet of teacher-student tasks",
    ),
    Component(
        "network",
        "vit_mini",
        "faeval.bench.networks:ViTMini",
        _VIT,
        help="small vision transformer",
    ),
    Component(
        "network",
        "batchnorm_cnn",
        "faeval.bench.networks:BatchNormCNN",
        _CNN,
        help="residual CNN with BatchNorm",
    ),
)
_BUILT_IN = {(c.kind, c.name): c for c in _OURS}
_registered: dict[tuple[str, str], Component] = {}


def register(component: Component) -> None:
    """Make a component known under its name in this process.

    A campaign carries it into its workers.

    Raises
    ------
    FaevalError
        The name is one of faeval's own, or other code is registered under it.
    """
    key = component.kind, component.name
    if key in _BUILT_IN or (component.kind == "metric" and component.name in METRICS):
        raise FaevalError(
            f"{component.kind} {component.name!r} is one of faeval's own; choose another name."
        )
    before = _registered.get(key, component)
    is_alike = _home(before) == _home(component) or (
        before.revision == component.revision and code_of(before.make) == code_of(component.make)
    )
    if not is_alike:
        raise FaevalError(
            f"{component.kind} {component.name!r} is registered already, by {_home(before)}, with"
            " other code; choose another name."
        )
    _registered[key] = component


def _home(component: Component) -> str:
    return (
        component.make
        if isinstance(component.make, str)
        else str(getattr(component.make, "__module__", "?"))
    )


def registered(kind: str) -> dict[str, Component]:
    """Return the components of a kind that were registered in this process, by name."""
    return {name: c for (of, name), c in _registered.items() if of == kind}


def components(kind: str) -> dict[str, Component]:
    """Return every component of a kind by name.

    Ours, registered ones, and entry points of the group ``faeval.KINDs``.

    An entry point names a :class:`Component`, which stays light, or the class or function that
    makes it.
    """
    ours = {name: c for (of, name), c in _BUILT_IN.items() if of == kind}
    by_name = ours | registered(kind)
    for entry in entry_points(group=f"faeval.{kind}s"):
        if entry.name not in by_name:
            target = entry.load()
            by_name[entry.name] = (
                target if isinstance(target, Component) else Component(kind, entry.name, target)
            )
    return by_name


def component(kind: str, name: str) -> Component:
    """Return the component of that name; raise FaevalError with the known names otherwise."""
    match = (
        _BUILT_IN.get((kind, name)) or _registered.get((kind, name)) or components(kind).get(name)
    )
    if match is None:
        raise FaevalError(
            f"{kind}={name!r} is not known; known are {', '.join(sorted(components(kind)))}."
        )
    return match


def is_built_in(component: Component) -> bool:
    """Return whether a component is faeval's own, so that the training's revision covers it."""
    return (component.kind, component.name) in _BUILT_IN


def register_rule(
    name: str,
    rule: Callable[..., Any] | str,
    *,
    factors: Mapping[str, Any] | None = None,
    exact: Callable[[Mapping[str, Value]], tuple[int, ...]] = no_states,
    revision: str | None = None,
    help: str = "",  # noqa: A002 - the field's name
) -> None:
    """Register a learning rule of one's own, so that ``fe.Arm(name)`` can be run.

    Its runs need the extra ``bench``.

    Parameters
    ----------
    name
        One word.
    rule
        A subclass of ``faeval.bench.rules.Rule``, called with a ``faeval.bench.rules.Setup`` and
        its own factors by keyword; or its path ``"module:Class"``, which keeps torch out of the
        process that only plans and decides.
    factors
        Its own factors with defaults, such as ``{"gain": 1.0}``; ``fe.Arm(name, gain=2.0)``.
    exact
        From an arm's factors (``blocks`` among them) to the states whose credit is the true
        gradient by construction.
    revision
        Raise it when the rule's numbers change for a reason that its code does not show, such as a
        data file; the code that it reaches is digested.

    Raises
    ------
    FaevalError
        The name is taken.

    Examples
    --------
    >>> register_rule("half_dfa", "my_package.rules:HalfDFA", factors={"gain": 0.5})
    >>> sorted(components("rule"))[:4]
    ['bp', 'cb', 'dfa', 'drtp']
    """
    register(Component("rule", name, rule, factors or {}, exact, revision, help))


def register_network(
    name: str,
    network: Callable[..., Any] | str,
    *,
    factors: Mapping[str, Any] | None = None,
    revision: str | None = None,
    help: str = "",  # noqa: A002 - the field's name
) -> None:
    """Register a network of one's own, so that ``fe.Arm("dfa", network=name)`` can be run.

    Its runs need the extra ``bench``.

    Parameters
    ----------
    name
        One word.
    network
        Called as ``network(features, width, blocks, classes, seed, **own factors)``; returns an
        ``nn.Module`` with ``embed``, ``blocks`` and ``readout``
        (``faeval.bench.networks.Network``). Or its path ``"module:Class"``.
    factors, revision
        As for :func:`register_rule`.
    """
    register(Component("network", name, network, factors or {}, revision=revision, help=help))
