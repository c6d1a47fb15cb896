"""Estimands: linear combinations of what is read, with one text each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

import faeval as fe
from faeval.claims import Estimand, Read
from faeval.errors import FaevalError
from faeval.experiment import METRICS

A, B = fe.Arm("dfa"), fe.Arm("bp")

atoms = st.builds(
    lambda name, arm, epoch: fe.metric(name, arm, epoch=epoch),
    st.sampled_from(["x", "y"]),
    st.sampled_from([A, B]),
    st.sampled_from([None, 1]),
)
# Dyadic numbers, so that sums of them are exact and equality can be asked for.
dyadic = st.integers(-64, 64).map(lambda k: k / 8)
estimands = st.recursive(
    st.one_of(atoms, atoms.map(lambda e: fe.log10(e)), dyadic.map(lambda c: Estimand(constant=c))),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, c: a * c, inner, dyadic),
    ),
    max_leaves=6,
)


def content(estimand: Estimand) -> tuple[dict[Any, float], float]:
    return {atom: weight for weight, atom in estimand.terms}, estimand.constant


@given(estimands, estimands)
def test_a_difference_with_itself_is_nothing_and_sums_commute(a: Estimand, b: Estimand) -> None:
    assert content(a - a) == ({}, 0.0)
    assert content(a + b) == content(b + a)
    assert content(a + b - b) == content(a)
    assert content(-(a - b)) == content(b - a)


@given(estimands, estimands, dyadic)
def test_scaling_distributes(a: Estimand, b: Estimand, c: float) -> None:
    assert content((a + b) * c) == content(a * c + b * c)
    assert content(c * a) == content(a * c)
    assert content(a + a) == content(2 * a)
    assert content(a * 4 / 4) == content(a)


@given(estimands)
def test_no_atom_stands_twice_or_at_weight_zero(a: Estimand) -> None:
    assert len({atom for _, atom in a.terms}) == len(a.terms)
    assert all(weight for weight, _ in a.terms)
    assert len(set(a.reads())) == len(a.reads())
    assert {read for _, read in a.signed_reads()} == set(a.reads())


@given(estimands, estimands)
def test_one_text_is_one_estimand(a: Estimand, b: Estimand) -> None:
    if str(a) == str(b) and "log10" not in str(a):
        assert content(a) == content(b)


@given(estimands)
def test_the_reads_can_be_replaced_everywhere(a: Estimand) -> None:
    doubled = a.with_reads(lambda r: Read(r.metric + "z", r.arm, r.layers, r.epoch, r.exact))
    assert {r.metric for r in doubled.reads()} == {r.metric + "z" for r in a.reads()}
    assert [w for w, _ in doubled.terms] == [w for w, _ in a.terms]


def test_rounding_leaves_no_trace_of_what_cancels() -> None:
    x = fe.metric("x", A)
    assert not (0.1 * x + 0.2 * x - 0.3 * x).terms  # .1 + .2 - .3 is 5.6e-17 in floating point
    assert (1e-20 * x).terms == ((1e-20, x.terms[0][1]),)


@pytest.mark.parametrize(
    ("estimand", "text"),
    [
        (fe.cosine(A), "deep cosine(dfa)"),
        (fe.cosine(A, layers=fe.embedding), "cosine(dfa, embedding)"),
        (fe.cosine(A, layers=(2, 1)), "cosine(dfa, layers=1,2)"),
        (
            fe.cosine(A, layers=fe.deep.inexact, epoch=3),
            "cosine(dfa, layers=deep.inexact, epoch=3)",
        ),
        (fe.cosine(A, layers=3), "cosine(dfa, layers=3)"),
        (fe.accuracy(fe.Arm()), "accuracy(defaults)"),
        (fe.rho(A) - fe.rho(B), "deep rho(dfa) - deep rho(bp)"),
        (2 * fe.accuracy(A) - 0.5, "2 accuracy(dfa) - 0.5"),
        (1 - fe.accuracy(A), "-accuracy(dfa) + 1"),
        (fe.accuracy(A) / 4, "0.25 accuracy(dfa)"),
        (fe.log10(fe.growth(A)), "log10(growth(dfa))"),
        (fe.mean(fe.accuracy(A), fe.accuracy(B)), "0.5 accuracy(dfa) + 0.5 accuracy(bp)"),
        (fe.accuracy(A) - fe.accuracy(A), "0"),
        (Estimand(constant=-0.5), "-0.5"),
        (fe.metric("anything", "dfa+penalty=0.01"), "anything(dfa+penalty=0.01)"),
    ],
)
def test_estimands_read_so(estimand: Estimand, text: str) -> None:
    assert str(estimand) == text
    assert repr(estimand) == f"<Estimand {text}>"


@pytest.mark.parametrize(
    "name",
    [
        "cosine",
        "rho",
        "accuracy",
        "growth",
        "gradient_norm",
        "state_norm",
        "credit_norm",
        "train_loss",
        "test_loss",
    ],
)
def test_named_estimands_read_the_metric_of_their_name(name: str) -> None:
    read = getattr(fe, name)
    assert read.__name__ == name
    assert METRICS[name].description in read.__doc__
    layers = fe.deep if METRICS[name].layered else None
    assert read(A).reads() == (Read(name, A, layers),)
    assert read(A) == fe.metric(name, A, layers=layers)


def test_layers_are_a_set_of_states() -> None:
    def layers(given: Any) -> Any:
        return fe.cosine(A, layers=given).reads()[0].layers

    assert layers(0) == fe.embedding
    assert layers([3, 1]) == layers((1, 3))
    assert layers(range(1, 3)) == layers((1, 2))
    assert layers(fe.deep) == fe.deep
    assert layers(fe.deep.inexact) == fe.deep.inexact != fe.deep
    assert layers(None) is None


X: Any = fe.accuracy(A)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: fe.cosine("dfa+"), ["dfa+"]),
        (lambda: fe.cosine(5), ["arm=5", "(int)", "fe.Arm('dfa')"]),
        (lambda: fe.cosine(A, layers="deep"), ["layers='deep'", "(str)", "fe.deep"]),
        (lambda: fe.cosine(A, layers=()), ["layers=()", "fe.deep"]),
        (lambda: fe.cosine(A, layers=-1), ["layers=-1", ">= 0"]),
        (lambda: fe.cosine(A, layers=True), ["layers=True", "(bool)"]),
        (lambda: fe.cosine(A, layers=(1, 1)), ["layers=(1, 1)", "twice"]),
        (lambda: fe.cosine(A, layers=(1, 2.0)), ["layers=(1, 2.0)", "whole"]),
        (lambda: fe.cosine(A, epoch=-1), ["epoch=-1", "(int)", ">= 0"]),
        (lambda: fe.cosine(A, epoch=1.0), ["epoch=1.0", "(float)", "None for the last"]),
        (lambda: fe.cosine(A, epoch=True), ["epoch=True", "(bool)"]),
        (lambda: fe.cosine(A, exact="yes"), ["exact='yes'", "'included'"]),
        (lambda: fe.metric("", A), ["name=''", "(str)"]),
        (lambda: fe.metric("cosine@1", A), ["name='cosine@1'"]),
        (lambda: fe.metric(3, A), ["name=3", "(int)"]),  # type: ignore[arg-type]
        (lambda: X / 0, ["0", "fe.log10"]),
        (lambda: X * float("nan"), ["nan", "finite"]),
        (lambda: X * X, ["finite number"]),
        (lambda: X / X, ["finite number"]),
        (lambda: X * True, ["True", "(bool)"]),
        (lambda: X + "a", ["'a'", "(str)", "fe.cosine(arm)"]),
        (lambda: X > 0, ["accuracy(dfa)", "fe.exceeds(a, b, by=fe.Margin(...))"]),
        (lambda: X >= 0.5, ["0.5", "fe.exceeds"]),
        (lambda: X < X, ["fe.not_above"]),
        (lambda: X <= X, ["fe.below"]),
        (lambda: X - A, ["Arm(rule='dfa')", "(Arm)"]),
        (lambda: fe.log10(2), ["fe.log10", "2", "(int)"]),
        (lambda: fe.log10(X - X), ["fe.log10"]),
        (lambda: fe.mean(), ["fe.mean", "at least one"]),
    ],
)
def test_what_is_no_estimand_is_refused_by_name_value_and_remedy(
    make: Any, told: list[str]
) -> None:
    with pytest.raises(FaevalError) as error:
        make()
    for part in told:
        assert part in str(error.value)
