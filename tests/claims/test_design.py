"""Design checks: what a comparison may be laid to, and what scores a credit against itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

import faeval as fe
from faeval import stats
from faeval.claims import (
    Design,
    attribution,
    check_design,
    check_names,
    contrast_specs,
    design_of,
    unlike_expectation,
)
from faeval.claims._design import design_checks, inferred_factor
from faeval.errors import FaevalError
from faeval.experiment import METRICS, Experiment, experiment

TEACHER = Design(experiment("teacher"))
WRITTEN = Design()  # evidence from elsewhere: arms are taken as they are written
M = fe.Margin(0.1, "a reason")
DFA = fe.Arm("dfa")
PENALISED = DFA.but(penalty=0.01)


def problem(
    a: Any, b: Any = 0, to: Any = (), design: Design = TEACHER, make: Any = fe.exceeds
) -> tuple[str, str]:
    margin = {"within": M} if make in (fe.equivalent, fe.agree) else {"by": M}
    found = check_design(fe.Claim("x", make(a, b, **margin), attributed_to=to), design)
    if found is None:
        return "", ""
    assert found.verdict == "invalid"
    return found.code, found.text


c = fe.cosine
WIDE = DFA.but(width=64)
BOTH = PENALISED.but(width=64)

SOUND: dict[str, tuple[Any, Any, Any]] = {
    "one factor": (c(PENALISED), c(DFA), "penalty"),
    "one factor, spelt out on one side": (
        c(DFA.but(penalty=0.01)), c(DFA.but(penalty=0.0)), "penalty"),
    "a default spelt as a whole number": (c(WIDE.but(penalty=0.0)), c(DFA), "width"),
    "two factors, both named": (c(BOTH), c(DFA), ("penalty", "width")),
    "one epoch on both sides": (c(PENALISED, epoch=1), c(DFA, epoch=1), "penalty"),
    "the last epoch, named or not": (c(PENALISED, epoch=20), c(DFA), "penalty"),
    "the epoch itself": (c(DFA), c(DFA, epoch=1), "epoch"),
    "length of training, read at its end": (c(DFA.but(epochs=10)), c(DFA.but(epochs=30)), "epochs"),
    "length of training, read at its end by name": (
        c(DFA.but(epochs=10), epoch=10), c(DFA.but(epochs=30)), "epochs"),
    "length of training, at its first epoch": (
        c(DFA.but(epochs=10), epoch=1), c(DFA.but(epochs=30), epoch=1), "epochs"),
    "one arm, other layers": (c(DFA, layers=0), c(DFA), ()),
    "one arm, other metrics": (c(DFA), fe.rho(DFA), ()),
    "an arm against a number": (c(DFA), 0.1, ()),
    "an average of arms against a number": (fe.mean(c(DFA), c(PENALISED), c(WIDE)), 0.1, ()),
    "an interaction, laid to one factor": (
        (c(BOTH) - c(WIDE)) - (c(PENALISED) - c(DFA)), 0, "penalty"),
    "an interaction, laid to the other": (
        (c(BOTH) - c(WIDE)) - (c(PENALISED) - c(DFA)), 0, "width"),
    "an interaction, laid to both": (
        (c(BOTH) - c(WIDE)) - (c(PENALISED) - c(DFA)), 0, ("penalty", "width")),
    "averages over another factor": (
        fe.mean(c(PENALISED), c(BOTH)), fe.mean(c(DFA), c(WIDE)), "penalty"),
    "a gain of each arm over its own baseline": (
        fe.accuracy(PENALISED) - fe.accuracy(PENALISED, epoch=1),
        fe.accuracy(DFA) - fe.accuracy(DFA, epoch=1),
        "penalty",
    ),
    "a logarithm of a multiple": (
        fe.log10(3 * fe.growth(PENALISED)), fe.log10(fe.growth(DFA)), "penalty"),
    "a ratio": (fe.log10(fe.growth(PENALISED)), fe.log10(fe.growth(DFA)), "penalty"),
    "nothing named, of one factor": (c(PENALISED), c(DFA), ()),
    "nothing named, of other lengths": (c(DFA.but(epochs=10)), c(DFA.but(epochs=30)), ()),
    "nothing named, averages over another factor": (c(PENALISED), fe.mean(c(DFA), c(DFA)), ()),
}  # fmt: skip

CONFOUNDED: dict[str, tuple[Any, Any, Any, str]] = {
    "epoch 1 against the last": (c(PENALISED), c(DFA, epoch=1), "penalty", "epoch (20 against 1)"),
    "a second factor": (c(BOTH), c(DFA), "penalty", "width (64 against 128)"),
    "nothing named, of two factors": (c(BOTH), c(DFA), (), "['penalty', 'width']"),
    "nothing named, at two epochs": (c(DFA), c(DFA, epoch=1), (), "epoch (20 against 1)"),
    "nothing named, of a factor and the epoch": (
        c(PENALISED), c(DFA, epoch=1), (), "['epoch', 'penalty']"),
    "the wrong factor": (c(PENALISED), c(DFA), "width", "penalty"),
    "a factor too many": (c(PENALISED), c(DFA), ("penalty", "width"), "penalty and width"),
    "a factor where none differs": (c(DFA, layers=0), c(DFA), "penalty", "differ in nothing"),
    "a factor, against a number": (c(DFA), 0.1, "rule", "differ in nothing"),
    "the epoch where none differs": (c(DFA), fe.rho(DFA), "epoch", "differ in nothing"),
    "read early, and of other length": (
        c(DFA.but(epochs=10)), c(DFA.but(epochs=30), epoch=1), "epochs", "epoch"),
    "weights that do not cancel": (
        2 * c(PENALISED) + c(PENALISED.but(penalty=0.1)), c(DFA), "penalty", "fe.Ratio"),
    "an average against one of its arms": (
        fe.mean(c(BOTH), c(PENALISED)), c(DFA), "penalty", "width"),
    "a sum whose parts differ in more": (
        c(BOTH) - c(WIDE), c(PENALISED) - 2 * c(DFA), "penalty", "width"),
    "hidden below a logarithm": (
        fe.log10(fe.growth(BOTH)), fe.log10(fe.growth(DFA)), "penalty", "width"),
    "the other rule": (
        c(DFA), c(fe.Arm("bp"), exact="included"), "penalty", "rule ('dfa' against 'bp')"),
}  # fmt: skip


@pytest.mark.parametrize("case", SOUND)
def test_a_comparison_of_what_is_named_alone_is_sound(case: str) -> None:
    a, b, to = SOUND[case]
    assert problem(a, b, to) == ("", "")
    assert problem(a, b, to, make=fe.equivalent) == ("", "")
    if not isinstance(b, int | float):
        assert problem(b, a, to, make=fe.below) == ("", "")


@pytest.mark.parametrize("case", CONFOUNDED)
def test_a_comparison_that_differs_in_anything_else_is_confounded(case: str) -> None:
    a, b, to, told = CONFOUNDED[case]
    code, text = problem(a, b, to)
    assert code == "confounded"
    assert told in text
    if not isinstance(b, int | float):
        assert problem(b, a, to, make=fe.not_above)[0] == "confounded"


def test_without_a_setting_arms_are_taken_as_they_are_written() -> None:
    x = fe.metric
    assert problem(x("x", PENALISED), x("x", DFA), "penalty", WRITTEN) == ("", "")
    assert problem(x("x", DFA.but(penalty=0.0)), x("x", DFA), "width", WRITTEN)[0] == "confounded"
    assert problem(x("x", PENALISED), x("x", DFA, epoch=1), "penalty", WRITTEN)[0] == "confounded"
    assert problem(x("x", PENALISED, epoch=2), x("x", DFA, epoch=2), "penalty", WRITTEN) == ("", "")


def test_a_bool_and_the_number_it_counts_as_are_two_levels() -> None:
    loose = Design(
        Experiment(
            "loose", lambda arm, seed: {}, factors={"mode": None}, metrics=["x"], revision="1"
        )
    )
    one, yes = fe.metric("x", fe.Arm(mode=1)), fe.metric("x", fe.Arm(mode=True))
    assert problem(one, yes, "mode", loose) == ("", "")
    assert inferred_factor(fe.Claim("x", fe.exceeds(one, yes, by=M)), loose) == "mode"


def test_one_factor_is_inferred_where_all_assertions_differ_in_it_alone() -> None:
    by_penalty, by_width, of_one = (
        fe.exceeds(c(PENALISED), c(DFA), by=M),
        fe.exceeds(c(WIDE), c(DFA), by=M),
        fe.exceeds(c(DFA), by=M),
    )
    cases = {
        (by_penalty,): "penalty",
        (by_penalty, fe.exceeds(c(BOTH), c(WIDE), by=M)): "penalty",
        (by_penalty, by_width): None,
        (by_penalty, of_one): None,
        (of_one,): None,
        (fe.exceeds(c(BOTH), c(DFA), by=M),): None,
        (fe.exceeds(c(DFA), c(DFA, epoch=1), by=M),): None,
    }
    for assertions, factor in cases.items():
        bare = fe.Claim("x", *assertions)
        assert inferred_factor(bare, TEACHER) == factor
        assert attribution(bare, TEACHER) == (() if factor is None else (factor,))
        if factor is not None:
            named = fe.Claim("x", *assertions, attributed_to=factor)
            assert inferred_factor(named, TEACHER) is None
            assert attribution(named, TEACHER) == (factor,)
            assert design_checks(bare, TEACHER) == design_checks(named, TEACHER)
            assert bare.sha256() != named.sha256()


def test_every_assertion_of_a_claim_is_checked() -> None:
    sound, not_sound = fe.exceeds(c(PENALISED), c(DFA), by=M), fe.exceeds(c(WIDE), c(DFA), by=M)
    claim = fe.Claim("x", sound, not_sound, attributed_to="penalty")
    found = check_design(claim, TEACHER)
    assert found is not None
    assert found.code == "confounded"


factors = st.fixed_dictionaries(
    {},
    optional={
        "penalty": st.sampled_from([0.0, 0.01]),
        "width": st.sampled_from([64, 128]),
        "epochs": st.sampled_from([10, 20]),
    },
)


@given(factors, factors)
def test_two_arms_are_compared_soundly_exactly_where_the_names_are_what_differs(
    left: Any, right: Any
) -> None:
    defaults = {"penalty": 0.0, "width": 128, "epochs": 20}
    differ = {f for f, v in defaults.items() if left.get(f, v) != right.get(f, v)}
    a, b = c(DFA.but(**left)), c(DFA.but(**right))
    if a == b or not (a - b).terms:
        return
    for named in (
        (),
        ("penalty",),
        ("width",),
        ("penalty", "width"),
        ("epochs", "penalty", "width"),
        ("epochs",),
    ):
        meant = set(named) or (differ if len(differ) == 1 else set())
        assert (problem(a, b, named)[0] == "") is (meant == differ)


@given(
    st.permutations(range(4)), st.sampled_from([(), ("penalty",), ("width",), ("penalty", "width")])
)
def test_the_order_of_a_sum_does_not_matter(order: list[int], named: tuple[str, ...]) -> None:
    terms = [c(BOTH), -c(WIDE), -c(PENALISED), c(DFA)]
    total = sum((terms[i] for i in order), 0 * terms[0])
    assert (
        problem(total, 0, named)[0] == problem(c(BOTH) - c(WIDE), c(PENALISED) - c(DFA), named)[0]
    )


# --- exact by construction ---

BP = fe.Arm("bp")


@pytest.mark.parametrize("metric", [fe.cosine, fe.rho])
def test_the_credit_of_backpropagation_is_not_scored_against_itself(metric: Any) -> None:
    code, text = problem(metric(BP), 0.5)
    assert code == "exact_by_construction"
    assert "every state" in text
    assert "exact='included'" in text
    assert problem(metric(BP, layers=0), 0.5)[0] == "exact_by_construction"
    assert (
        problem(metric(BP, layers=fe.deep.inexact), 0.5)[0] == "exact_by_construction"
    )  # nothing is left to read
    assert problem(metric(BP, exact="included"), 0.5) == ("", "")
    assert problem(metric(DFA), 0.5) == ("", "")


def test_what_no_instrument_reads_is_never_exact() -> None:
    assert problem(fe.state_norm(BP), 1) == ("", "")
    assert problem(fe.accuracy(BP), fe.accuracy(DFA), "rule") == ("", "")


def test_states_that_are_not_exact_can_be_read_alone() -> None:
    partly = Design(
        Experiment(
            "partly",
            lambda arm, seed: {},
            factors={"rule": "x"},
            metrics=METRICS,
            revision="1",
            layers=lambda arm: (0, 1, 2, 3),
            exact=lambda arm: (3,),
        )
    )
    code, text = problem(fe.cosine(fe.Arm("x")), 0.5, design=partly)
    assert code == "exact_by_construction"
    assert "state 3" in text
    assert problem(fe.cosine(fe.Arm("x"), layers=fe.deep.inexact), 0.5, design=partly) == ("", "")
    (read,) = fe.cosine(fe.Arm("x"), layers=fe.deep.inexact).reads()
    assert partly.states(read, set()) == (1, 2)
    assert problem(fe.cosine(fe.Arm("x"), layers=(1, 2)), 0.5, design=partly) == ("", "")


def test_an_experiment_that_declares_no_states_has_none_that_are_exact() -> None:
    own = Experiment(
        "own", lambda arm, seed: {}, factors={"rule": "x"}, metrics=METRICS, revision="1"
    )
    assert problem(fe.cosine(fe.Arm("x")), 0.5, design=Design(own)) == ("", "")
    assert problem(fe.cosine(BP), 0.5, design=WRITTEN) == ("", "")


# --- names ---


@pytest.mark.parametrize(
    ("estimand", "to", "told"),
    [
        (fe.metric("cosin", DFA), (), ["'cosin'", "cosine, credit_norm"]),
        (c(DFA.but(penlty=1)), (), ["'penlty'", "penalty"]),
        (c(DFA.but(width=1)), (), ["width=1", "below 2"]),
        (c(DFA, layers=None), (), ["cosine", "layers=fe.deep"]),
        (fe.accuracy(DFA, layers=1), (), ["accuracy", "leave layers= out"]),
        (c(DFA, layers=5), (), ["layer 5", "0..4"]),
        (c(DFA.but(blocks=2), layers=(1, 3)), (), ["layer 3", "0..2"]),
        (c(DFA, epoch=3), (), ["epoch 3", "1, 20"]),
        (c(DFA), "penlty", ["attributed_to='penlty'", "penalty", "epoch"]),
    ],
)
def test_names_that_a_setting_does_not_have_are_refused_with_those_it_has(
    estimand: Any, to: Any, told: list[str]
) -> None:
    claim = fe.Claim("x", fe.exceeds(estimand, 0.1, by=M), attributed_to=to)
    with pytest.raises(FaevalError) as error:
        check_names(claim, TEACHER)
    for part in ["teacher", *told]:
        assert part in str(error.value)
    check_names(claim, WRITTEN)  # where nothing is known, nothing is refused


def test_training_loss_is_known_at_every_epoch() -> None:
    check_names(fe.Claim("x", fe.exceeds(fe.train_loss(DFA, epoch=3), by=M)), TEACHER)


def test_a_claims_own_experiment_reads_it_in_its_own_setting_only() -> None:
    own = Experiment(
        "own", lambda arm, seed: {}, factors={"rule": "x"}, metrics=["x"], revision="1"
    )
    claim = fe.Claim("x", fe.exceeds(fe.metric("x", DFA), by=M), experiment=own)
    assert design_of(claim, "own").experiment is own
    assert design_of(claim, "teacher").experiment is experiment("teacher")
    assert design_of(claim, "elsewhere").experiment is None


def test_the_last_state_of_feedback_alignment_is_exact_and_can_be_left_out() -> None:
    fa = fe.Arm("fa")
    code, text = problem(fe.cosine(fa), fe.cosine(DFA), "rule")
    assert code == "exact_by_construction"
    assert "state 4" in text
    assert problem(
        fe.cosine(fa, layers=fe.deep.inexact), fe.cosine(DFA, layers=fe.deep.inexact), "rule"
    ) == ("", "")
    (read,) = fe.cosine(fa.but(blocks=6), layers=fe.deep.inexact).reads()
    assert TEACHER.states(read, set()) == (1, 2, 3, 4, 5)


def test_a_factor_of_one_rule_alone_is_attributed_by_its_name() -> None:
    uniform = DFA.but(feedback="uniform")
    assert problem(fe.cosine(uniform), fe.cosine(DFA), "feedback") == ("", "")
    assert problem(fe.cosine(uniform), fe.cosine(DFA), "penalty")[0] == "confounded"
    assert problem(fe.accuracy(fe.Arm("drtp")), fe.accuracy(fe.Arm("bp")), "rule") == (
        "",
        "",
    )  # bp has no such factor
    assert problem(fe.accuracy(uniform), fe.accuracy(fe.Arm("bp")), "rule")[0] == "confounded"
    assert problem(fe.accuracy(uniform), fe.accuracy(fe.Arm("bp")), ("rule", "feedback")) == (
        "",
        "",
    )
    check_names(
        fe.Claim(
            "x", fe.exceeds(fe.cosine(uniform), fe.cosine(DFA), by=M), attributed_to="feedback"
        ),
        TEACHER,
    )
    claim = fe.Claim(
        "x", fe.exceeds(fe.accuracy(fe.Arm("bp")), 0.2, by=M), attributed_to="feedback"
    )
    with pytest.raises(FaevalError, match=r"attributed_to='feedback'.*rule, penalty"):
        check_names(claim, TEACHER)


# --- instruments under study, and the depth estimands
# ------------------------------------------------------------------


def test_an_instrument_under_study_is_read_by_claims_about_it_alone() -> None:
    read = fe.metric("published.rho", fe.Arm("dfa"), layers=fe.deep)
    margin = fe.Margin(0.01, "test")
    design = Design(experiment("teacher"))
    refused = fe.Claim("c", fe.below(read, fe.rho(fe.Arm("dfa")), by=margin))
    with pytest.raises(
        FaevalError,
        match=r"published.rho .* about='instrument' .* rho",
    ):
        check_names(refused, design)
    check_names(
        fe.Claim("c", fe.below(read, fe.rho(fe.Arm("dfa")), by=margin), about="instrument"), design
    )
    # Arms are alike: what differs is the instrument, which is no factor.
    assert (
        check_design(fe.Claim("c", fe.below(read, fe.rho(fe.Arm("dfa")), by=margin)), design)
        is None
    )


def test_what_training_the_blocks_is_worth_is_attributed_to_the_blocks_that_learn() -> None:
    margin = fe.Margin(0.01, "test")
    design = Design(experiment("teacher"))
    claim = fe.Claim(
        "c",
        fe.exceeds(fe.depth_utility(fe.Arm("dfa")), 0, by=margin),
        attributed_to="trained_blocks",
    )
    check_names(claim, design)
    assert check_design(claim, design) is None
    rungs = fe.depth_ladder("fa", 4)
    assert rungs[-1].reads()[0].arm == fe.Arm("fa", trained_blocks=4)
    assert design.label(rungs[-1].reads()[0].arm) == "fa"  # all blocks trained is the arm itself
    assert fe.depth_utility("dfa", 2, epoch=1).reads()[1].arm == fe.Arm("dfa", trained_blocks=2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fe.depth_utility(fe.Arm("dfa"), -1), r"trained_blocks .*-1 \(int\)"),
        (lambda: fe.depth_utility(fe.Arm("dfa"), True), r"trained_blocks .*True \(bool\)"),
        (lambda: fe.depth_utility(3), r"fe\.depth_utility: arm=3 \(int\)"),
        (lambda: fe.depth_ladder(3, 2), r"fe\.depth_ladder: arm=3 \(int\)"),
        (lambda: fe.depth_ladder(fe.Arm("dfa"), 0), r"fe\.depth_ladder: blocks .*0 \(int\)"),
        (lambda: fe.metric("mine!bounds", fe.Arm("dfa")), r"fe.metric: name='mine!bounds'"),
    ],
)
def test_depth_estimands_of_what_cannot_be_are_refused(call: Any, says: str) -> None:
    with pytest.raises(FaevalError, match=says):
        call()


def test_sides_that_leave_out_different_exact_states_are_warned_of() -> None:
    import pandas as pd

    rows = [
        (
            "teacher",
            arm,
            seed,
            20,
            layer,
            "cosine",
            value + 0.01 * seed * (1 + value),
            "measured",
            f"key:{arm}{seed}",
        )
        for arm, value in (("fa", 0.6), ("dfa", 0.2))
        for seed in (1, 2, 3)
        for layer in range(5)
    ]
    table = pd.DataFrame(
        rows,
        columns=["setting", "arm", "seed", "epoch", "layer", "metric", "value", "status", "run"],
    )

    def warnings(layers: Any) -> list[str]:
        sides = [fe.cosine(fe.Arm(rule), layers=layers) for rule in ("fa", "dfa")]
        claim = fe.Claim("c", fe.exceeds(*sides, by=M), attributed_to="rule", seeds=3)
        (verdict,) = fe.decide([claim], table)
        assert verdict.verdict == "supported"
        return [warning.detail for warning in verdict.warnings]

    (warned,) = warnings(fe.deep.inexact)
    assert "deep.inexact) over 1, 2, 3; " in warned
    assert "over 1, 2, 3, 4)" in warned
    assert warnings((1, 2, 3)) == []


@given(
    make=st.sampled_from([fe.exceeds, fe.below, fe.not_above, fe.not_below, fe.equivalent]),
    anticipated=st.sampled_from([-0.5, -0.2, 0.0, 0.05, 0.2, 0.5]),
)
def test_an_effect_that_would_refute_what_is_expected_to_hold_is_named(
    make: Any, anticipated: float
) -> None:
    margin = {"within": M} if make is fe.equivalent else {"by": M}
    claim = fe.Claim("x", make(c(DFA), 0, **margin, anticipated=anticipated))
    (part,) = contrast_specs(claim)
    at = stats.outlook(part.kind, part.margin, 5, sd=0.005, anticipated=anticipated).at[
        "anticipated"
    ]
    assert bool(unlike_expectation(claim, "supported")) == (at.refuted > at.supported)
    assert unlike_expectation(claim, "refuted") == unlike_expectation(claim, None) == ()


def test_the_sign_of_below_is_told() -> None:
    claim = fe.Claim("x", fe.below(c(DFA), c(BOTH), by=M, anticipated=-0.98))
    (text,) = unlike_expectation(claim, "supported")
    assert re.search(r" -0\.98, .*margin .*refutes, .* 0\.5 below ", text)
