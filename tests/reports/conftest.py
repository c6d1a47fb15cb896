"""Verdicts of every word and shape, their numbers from faeval.stats, and reports made of them."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from faeval import stats
from faeval.claims import AssertionResult, Caution, Side, Term, Verdict
from faeval.reports import ControlCurve, Profile, Report, TrainingCurve

SHA = "5d41402abc4b2a76b9719d911017c592ae1f0b7c3d2e4f5a6b7c8d9e0f1a2b3c"
#: Reason codes that numbers say by themselves.
COMPUTED = ("decided", "underpowered", "straddles_margin", "unattainable")
DFA, PENALIZED = "dfa", "dfa+penalty=0.01"
PUBLISHED, PUBLISHED_PENALIZED = (
    "dfa+credit_scale=unit+credit_site=input",
    "dfa+credit_scale=unit+credit_site=input+penalty=0.01",
)


def noise(n: int, sd: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, n)


def side(name: str, values: Sequence[float]) -> Side:
    """A side that reads one metric of one arm, where its name says so: ``deep cosine(dfa)``."""
    numbers = tuple(map(float, values))
    match = re.fullmatch(r"(deep )?([\w.]+)\(([^()]*)\)", name)
    if match is None:
        return Side(name, numbers)
    arm, *rest = match[3].split(", ")
    at = {part.partition("=")[0]: part.partition("=")[2] for part in rest}
    layers = "deep" if match[1] else (0,) if "embedding" in at else None
    epoch = int(at["epoch"]) if "epoch" in at else None
    return Side(name, numbers, (Term(1.0, match[2], arm, layers, epoch=epoch),))


def assertion(
    kind: str,
    a: Sequence[float],
    b: Sequence[float],
    margin: float,
    names: tuple[str, str] = ("deep cosine(a)", "deep cosine(b)"),
    level: float = 0.0125,
    k: int = 1,
    unit: str = "1",
    because: str = "1.5 pilot spreads of the difference, seeds 1000-1005",
    **more: object,
) -> AssertionResult:
    differences = [float(x - y) for x, y in zip(a, b, strict=True)]
    nan = (math.nan, math.nan)
    interval, levels, refuting, ordinary, estimate, sd, p = (
        nan,
        nan,
        None,
        nan,
        math.nan,
        math.nan,
        (1.0, 1.0),
    )
    if differences and all(map(math.isfinite, differences)):
        judged = stats.judge(kind, differences, margin)
        estimate, sd, p = judged.estimate, judged.sd, (judged.p_support, judged.p_refute)
        if sd > 0:
            bounds = stats.decision_interval(judged, level, level, k)
            interval, levels = (bounds.low, bounds.high), (bounds.level_low, bounds.level_high)
            refuting = (bounds.refuting.low, bounds.refuting.high) if bounds.refuting else None
            ordinary = stats.ordinary_interval(judged, 0.90)
    return AssertionResult(
        kind=kind,
        unit=unit,
        margin=margin,
        because=because,
        a=side(names[0], a),
        b=side(names[1], b),
        differences=tuple(differences),
        estimate=estimate,
        sd=sd,
        p_support=p[0],
        p_refute=p[1],
        interval=interval,
        levels=levels,
        refuting=refuting,
        ordinary=ordinary,
        **more,
    )


def verdict(
    word: str, code: str = "decided", *assertions: AssertionResult, **more: object
) -> Verdict:
    seeds = tuple(range(1, len(assertions[0].differences) + 1)) if assertions else ()
    support = max((a.p_support for a in assertions), default=1.0)
    refute = min(1.0, len(assertions) * min((a.p_refute for a in assertions), default=1.0))
    values = {
        "claim": "claims/penalty.py::penalty_creates_deep_alignment",
        "sentence": "The residual-stream penalty creates deep alignment",
        "setting": "teacher",
        "detail": "" if code in COMPUTED else f"It is {code} here.",
        "family": "alignment",
        "family_size": 4,
        "alpha": 0.05,
        "test": "t",
        "seeds": seeds,
        "planned": seeds or (1, 2, 3, 4, 5),
        "assertions": assertions,
        "attainable_p": 0.0 if assertions else None,
        "level_support": 0.0125 if assertions else None,
        "level_refute": 0.0125 if assertions else None,
        "adjusted_support": min(1.0, 4 * support),
        "adjusted_refute": min(1.0, 4 * refute),
        "unseen_failure_bound": stats.unseen_failure_bound(len(seeds)) if seeds else None,
        "without_each_seed": tuple((seed, word) for seed in seeds) if assertions else (),
        "fragile": False if len(seeds) >= 5 else None,
        "registered_sha256": SHA,
    }
    return Verdict(verdict=word, reason_code=code, **(values | more))


def founding() -> tuple[Verdict, ...]:
    """Verdicts such as the founding claims get."""
    vanilla = 0.137 + noise(5, 0.02, 1)
    penalized = vanilla + 0.085 + noise(5, 0.014, 2)
    recipe = 0.047 + noise(5, 0.018, 3)
    recipe_penalized = recipe - 0.031 + noise(5, 0.012, 4)
    accuracy = 0.39 + noise(10, 0.006, 9)
    planned = {
        "anticipated": 0.085,
        "pilot_sd": 0.019,
        "pilot_n": 6,
        "power": 0.83,
        "detectable_in_sd": 2.02,
        "detectable": 0.038,
        "seeds_needed": (5, 8),
    }
    cosine = "deep cosine({})".format
    return (
        verdict(
            "supported",
            "decided",
            assertion(
                "exceeds",
                penalized,
                vanilla,
                0.03,
                (cosine(PENALIZED), cosine(DFA)),
                item_error=0.0021,
                **planned,
            ),
            expected="supported",
            source="faeval perturbation-correlation audit, 2026-04-08",
            published=(
                {
                    "what": "deep cosine, penalised",
                    "published": 0.151,
                    "spread": 0.025,
                    "ours": 0.2212,
                    "within": False,
                    "source": None,
                },
                {
                    "what": "deep cosine, vanilla",
                    "published": -0.008,
                    "spread": 0.013,
                    "ours": None,
                    "within": None,
                    "source": None,
                },
                {
                    "what": "ratio of rho",
                    "published": "48x",
                    "spread": None,
                    "ours": 17.2,
                    "within": None,
                    "source": None,
                },
            ),
            runs=tuple(f"{SHA[i : i + 12]}" for i in range(10)),
        ),
        verdict(
            "refuted",
            "decided",
            assertion(
                "exceeds",
                recipe_penalized,
                recipe,
                0.03,
                (cosine(PUBLISHED_PENALIZED), cosine(PUBLISHED)),
                anticipated=-0.031,
                pilot_sd=0.012,
                pilot_n=6,
                item_error=0.0016,
            ),
            claim="claims/penalty.py::published_recipe",
            sentence="With the published recipe, too, the penalty at 0.01 creates deep alignment",
            expected="refuted",
            note=(
                "On the pilot seeds the penalty lowered alignment here, so refutation was"
                " registered."
            ),
        ),
        verdict(
            "supported",
            "decided",
            assertion(
                "equivalent",
                vanilla,
                vanilla + noise(5, 0.004, 5),
                0.02,
                (cosine(DFA), "deep rho(dfa)"),
                because="the largest disagreement that would change a reading of the layer profile",
            ),
            claim="claims/instrument.py::cos_and_rho_agree",
            sentence="Cosine and perturbation correlation agree",
            family="instrument",
            expected="supported",
            about="instrument",
        ),
        verdict(
            "inconclusive",
            "straddles_margin",
            assertion(
                "exceeds",
                0.74 + noise(5, 0.02, 6),
                vanilla,
                0.1,
                ("cosine(dfa, embedding)", cosine(DFA)),
                k=2,
            ),
            assertion(
                "equivalent",
                recipe,
                np.zeros(5),
                0.05,
                (cosine(PUBLISHED), "0"),
                k=2,
                detectable_in_sd=2.48,
                seeds_needed=(11, None),
            ),
            claim="claims/embedding.py::embedding_aligned_deep_not",
            sentence="The embedding is aligned while deep blocks are not",
            expected="supported",
            flags=("evaluation_set",),
            without_each_seed=(
                (1, "inconclusive"),
                (2, "supported"),
                (3, "inconclusive"),
                (4, "supported"),
                (5, "inconclusive"),
            ),
            warnings=(Caution("low_power", 1, 0.41),),
        ),
        verdict(
            "invalid",
            "confounded",
            claim="claims/comparisons.py::published_comparison",
            sentence="The published comparison: vanilla after 1 epoch against penalised after 30",
            detail=(
                "the two sides differ in epoch and penalty, but the effect is attributed to"
                " penalty; compare at one epoch."
            ),
            expected="invalid:confounded",
            family="comparisons",
            family_size=1,
        ),
        verdict(
            "supported",
            "decided",
            assertion(
                "exceeds",
                accuracy + 0.057 + noise(10, 0.004, 8),
                accuracy,
                0.02,
                (f"accuracy({PENALIZED})", f"accuracy({DFA})"),
                unit="fraction",
                because="two points of accuracy are what depth must be worth",
            ),
            claim="claims/penalty.py::penalty_helps_accuracy",
            sentence="The penalty makes DFA more accurate",
        ),
    )


def odd() -> tuple[Verdict, ...]:
    """Every shape that the founding claims do not have."""
    growing = 4e8 * (1 + noise(5, 0.2, 11))
    return (
        verdict(
            "refuted",
            "decided",
            assertion("exceeds", 0.1 + noise(5, 0.01, 12), 0.1 + noise(5, 0.01, 13), 0.05),
            claim="claims/drift.py::it",
            sentence="A claim that was expected to hold, and does not",
            expected="supported",
            flags=("fragile", "unregistered"),
            registered_sha256=None,
            without_each_seed=(
                (1, "refuted"),
                (2, "inconclusive"),
                (3, "refuted"),
                (4, "refuted"),
                (5, "refuted"),
            ),
        ),
        verdict(
            "invalid",
            "below_floor",
            assertion("exceeds", 0.1 + noise(3, 0.01, 14), 0.05 + noise(3, 0.01, 15), 0.03),
            claim="claims/floor.py::it",
            sentence="A claim whose instrument cannot see the true gradient",
            detail=(
                "cosine of dfa is below floor at layer 3, seed 2: its positive control reads 0.41"
                " there."
            ),
            expected="supported",
        ),
        verdict(
            "inconclusive",
            "underpowered",
            assertion(
                "exceeds", [0.155, 0.130, 0.158], [-0.025, 0.002, 0.0], 0.15, ("rho(a)", "rho(b)")
            ),
            claim="claims/few.py::three",
            sentence="A claim on three seeds",
            seeds=(42, 123, 456),
            planned=(1, 2, 3, 4, 5),
            flags=("reproduction",),
            without_each_seed=((42, "inconclusive"), (123, "inconclusive"), (456, "inconclusive")),
            fragile=None,
        ),
        verdict(
            "inconclusive",
            "no_spread",
            assertion("exceeds", [0.5] * 5, [0.25] * 5, 0.1),
            claim="claims/flat.py::it",
            sentence="A claim whose seeds change nothing",
            detail=(
                "the differences do not vary over seeds beyond rounding: nothing random was"
                " repeated."
            ),
            expected="inconclusive:no_spread",
        ),
        verdict(
            "inconclusive",
            "not_run",
            claim="claims/later.py::it",
            sentence="A claim of many words " + "that go on and on " * 30 + "and end.",
            expected="supported",
        ),
        verdict(
            "refuted",
            "decided",
            assertion(
                "equivalent", 0.3 + noise(5, 0.01, 16), noise(5, 0.01, 17), 0.05, ("rho(a)", "0")
            ),
            claim="claims/equal.py::it",
            sentence="Deep blocks are not aligned at all",
        ),
        verdict(
            "supported",
            "decided",
            assertion(
                "below",
                [19.0, 19.5, 18.2, 20.1, 19.3],
                growing,
                1e3,
                ("norm(a)", "norm(b)"),
                unit="activation",
            ),
            claim="claims/norm.py::it",
            sentence="The penalty keeps the residual stream small",
        ),
        verdict(
            "supported",
            "decided",
            assertion(
                "not_above", 1e-9 * (2 + noise(5, 0.1, 18)), 1e-9 * (3 + noise(5, 0.1, 19)), 1e-9
            ),
            claim="claims/tiny.py::it",
            sentence="Gradients are not larger",
        ),
        verdict(
            "refuted",
            "decided",
            assertion("not_below", noise(10, 0.01, 20), 0.3 + noise(10, 0.01, 21), 0.05),
            claim="claims/not_below.py::it",
            sentence="Deep cosine does not fall",
            expected="refuted",
        ),
        verdict(
            "invalid",
            "undefined",
            assertion("exceeds", [0.1, math.nan, 0.2], [0.0, 0.1, 0.1], 0.05),
            claim="claims/undefined.py::it",
            sentence="A claim that reads the direction of a vanished vector",
        ),
    )


def profiles() -> tuple[Profile, ...]:
    def rows(center: Sequence[float], seed: int) -> tuple[tuple[float | None, ...], ...]:
        return tuple(
            tuple(map(float, np.array(center) + noise(5, 0.02, seed + i))) for i in range(5)
        )

    layers, seeds = (0, 1, 2, 3, 4), (1, 2, 3, 4, 5)
    gone = tuple(
        tuple(None if layer == 3 else v for layer, v in enumerate(row))
        for row in rows([0.39, 0.05, -0.02, 0, -0.01], 30)
    )
    status = tuple(tuple("below_floor" if v is None else "measured" for v in row) for row in gone)
    norms = tuple(
        tuple(float(19 * 10 ** (layer * 1.6) * (1 + 0.1 * i)) for layer in range(5))
        for i in range(5)
    )
    return (
        Profile(DFA, "cosine", layers, seeds, rows([0.74, 0.46, 0.05, 0.03, 0.01], 40), epoch=20),
        Profile(
            PENALIZED, "cosine", layers, seeds, rows([0.41, 0.30, 0.22, 0.18, 0.18], 50), epoch=20
        ),
        Profile(PUBLISHED, "cosine", layers, seeds, gone, status, epoch=20),
        Profile(DFA, "state_norm", layers, seeds, norms),
        Profile(
            PENALIZED,
            "state_norm",
            layers,
            seeds,
            tuple(tuple(4.0 + i + layer for layer in range(5)) for i in range(5)),
        ),
    )


def report(verdicts: Sequence[Verdict]) -> Report:
    provenance = {
        "versions": {"faeval": "0.1.0", "numpy": "2.4.1", "torch": "2.9.1+cpu"},
        "device_kinds": ("cpu",),
        "threads": (1,),
        "dataset_digest": SHA[::-1],
    }
    return Report("teacher", tuple(verdicts), SHA, SHA[::-1], provenance, profiles())


def courses() -> tuple[TrainingCurve, ...]:
    """Two quantities over training, one of them with a gap, over a wide range in the other."""
    seeds = (1, 2, 3)
    loss = tuple(tuple(2.1 / (1 + epoch) + 0.01 * seed for epoch in range(5)) for seed in seeds)
    cosine = ((0.01, None, 0.2), (0.02, 0.1, 0.21), (0.03, 0.12, 0.22))
    why = tuple(tuple("undefined" if v is None else "measured" for v in row) for row in cosine)
    norms = tuple(tuple(7.0 * 30.0**epoch * seed for epoch in range(3)) for seed in seeds)
    return (
        *(
            TrainingCurve(arm, "train_loss", (1, 2, 3, 4, 5), seeds, loss)
            for arm in (DFA, PENALIZED)
        ),
        TrainingCurve(DFA, "cosine", (1, 10, 20), seeds, cosine, why, layers=(1, 2, 3, 4)),
        TrainingCurve(DFA, "state_norm", (1, 10, 20), seeds, norms, layers=(4,)),
    )


def illustrated() -> Report:
    """A report with every kind of figure."""
    controls = (
        ControlCurve("float64", tuple((10.0**-k, 1.0 - 1e-6 * k) for k in range(9))),
        ControlCurve("published", tuple((10.0**-k, math.exp(-0.3 * k)) for k in range(9))),
    )
    made = report(founding()[:5] + odd()[6:9])
    pilot = {"anticipated": 0.0, "pilot_sd": 0.02, "pilot_n": 6}
    claims = [
        replace(
            v,
            assertions=tuple(
                replace(a, **pilot) if a.kind == "equivalent" else a for a in v.assertions
            ),
        )
        for v in made.verdicts
    ]
    return replace(made, verdicts=tuple(claims), curves=courses(), controls=controls)


@pytest.fixture(scope="session")
def gallery() -> Report:
    """Every kind of verdict there is, layer profiles and provenance."""
    return report(founding() + odd())


@pytest.fixture(scope="session")
def make_assertion() -> Callable[..., AssertionResult]:
    return assertion


@pytest.fixture(scope="session")
def make_verdict() -> Callable[..., Verdict]:
    return verdict


@pytest.fixture(scope="session")
def layer_profiles() -> tuple[Profile, ...]:
    return profiles()


@pytest.fixture(scope="session")
def illustrated_report() -> Report:
    return illustrated()


@pytest.fixture(scope="session")
def make_report() -> Callable[[Sequence[dict]], Report]:
    """A function that makes a report of drawn claims, see `drawn_claims` in test_forms.py."""

    def make(claims: Sequence[dict]) -> Report:
        verdicts = []
        for i, drawn in enumerate(claims):
            n, scale = drawn["n"], drawn["scale"]
            b = noise(n, 0.05 * scale, drawn["seed"])
            made = [
                assertion(
                    kind, b + drawn["center"] * scale, np.zeros(n), 0.03 * scale, unit=drawn["unit"]
                )
                for kind in drawn["kinds"]
            ]
            given = {
                "claim": f"file::c{i}",
                "sentence": f"Claim number {i}",
                "expected": drawn["expected"],
            }
            given["flags"] = drawn.get("flags", ())
            verdicts.append(verdict(drawn["word"], drawn["code"], *made, **given))
        return Report("teacher", tuple(verdicts), SHA, SHA[::-1], {"versions": {"faeval": "0.1.0"}})

    return make
