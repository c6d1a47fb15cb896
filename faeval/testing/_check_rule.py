"""check_rule: a learning rule, tried on what every rule must hold."""

from __future__ import annotations

from collections.abc import Sequence

from faeval.bench.rules import Rule
from faeval.bench.training import backward
from faeval.errors import FaevalError
from faeval.experiment import component
from faeval.testing._conformance import Conformance, Failure
from faeval.testing._rule_bench import BLOCKS, Approximation, Formula, Make, RuleBench, Step
from faeval.testing._rule_properties import RULE_PROPERTIES
from faeval.testing._subject import Skip, raised

SITES = ("output", "input")


def check_rule(
    rule: str | Make,
    formula: Formula | None = None,
    *,
    exact: Sequence[int] | None = None,
    approximate: Approximation | None = None,
    step: Step = backward,
    tolerance: float = 1e-6,
) -> Conformance:
    """Test a learning rule on a small residual MLP, in float64, at both credit sites.

    The network has d = 6, L = 3 and 4 classes, the batch 7 samples. Needs the extras ``bench`` and
    ``test-kit``.

    Parameters
    ----------
    rule
        A registered name, a subclass of ``faeval.bench.rules.Rule``, or any function from a
        ``Setup`` to a rule (``functools.partial`` gives it factors of its own). Not a rule already
        made: reloading needs a second one.
    formula
        The rule as it is written: ``formula(rule, network, states, logits, labels)`` returns for
        each state an (n, d) array or tensor; best written apart from the rule, in NumPy.
    exact
        States (0 .. 3) whose credit is the true gradient by construction; default: what a
        registered rule says of itself.
    approximate
        What the rule promises of the other states' credit against the gradient.
    step
        The training step that hands credit to parameters, for authors of their own; called like
        ``faeval.bench.training.backward(network, rule, x, y, objective)``.
    tolerance
        Largest difference from the formula, relative to the largest entry.

    Returns
    -------
    Conformance
        ``.passed``, ``.failures`` by name of the property, ``.skipped`` with reasons; printed, it
        is a report.

    Raises
    ------
    FaevalError
        ``rule`` cannot be made.

    Examples
    --------
    >>> from faeval.bench.rules import Rule, output_error
    >>> class MeanError(Rule):  # credit that depends on who else is in the batch
    ...     def credit(self, network, states, logits, labels):
    ...         return [h * output_error(logits, labels).mean() for h in states]
    >>> [failure.property for failure in check_rule(MeanError).failures]
    ['a sample is judged alone', 'a sample is judged alone, after training']
    """
    make, name, component_name = _maker(rule)
    states = tuple(component_name if exact is None else exact)
    properties: dict[str, None] = {}
    failures: dict[str, Failure] = {}
    skipped: dict[str, str] = {}
    for site in SITES:
        bench = RuleBench(make, site, formula, states, approximate, step, tolerance)
        for title, attempt in RULE_PROPERTIES.items():
            properties[title] = None
            try:
                problem = attempt(bench)
            except Skip as reason:
                skipped[title] = str(reason)
                del properties[title]
                continue
            except Exception as error:
                problem = str(error) if isinstance(error, FaevalError) else raised(error)
            if problem:
                failures.setdefault(title, Failure(title, f"{problem} (credit site {site!r})"))
                if title == "one signal a state":
                    break  # nothing else can be asked of it
    return Conformance(
        f"rule {name}", tuple(properties), tuple(failures.values()), tuple(skipped.items())
    )


def _maker(rule: str | Make) -> tuple[Make, str, tuple[int, ...]]:
    if isinstance(rule, str):
        about = component("rule", rule)
        return about.resolve(), rule, about.exact({"rule": rule, "blocks": BLOCKS})
    if isinstance(rule, Rule) or not callable(rule):
        raise FaevalError(
            f"check_rule: {type(rule).__name__} is no way to make a rule; give its class, a"
            " function from a Setup to a rule, or a registered name, since reloading needs a"
            " second one."
        )
    return (
        rule,
        getattr(
            rule, "__name__", getattr(getattr(rule, "func", None), "__name__", type(rule).__name__)
        ),
        (),
    )
