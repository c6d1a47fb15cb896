"""The settings faeval is born with, as light specifications; what they do stands in faeval.settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from faeval.errors import FaevalError
from faeval.experiment._arm import Value
from faeval.experiment._experiment import Experiment, Factor, Stage
from faeval.experiment._metrics import METRICS

# Raised when the numbers of that component change; a golden-bits test compares them with what is stored.
TRAINING_REVISION = "1"
AUDIT_REVISIONS = {"alignment": "1", "accuracy": "1"}


def _layers(factors: Mapping[str, Value]) -> tuple[int, ...]:
    return tuple(range(int(factors["blocks"] or 0) + 1))


def _exact(factors: Mapping[str, Value]) -> tuple[int, ...]:
    # Backpropagation's credit is the gradient: scoring it against itself says nothing.
    return _layers(factors) if factors["rule"] == "bp" else ()


def _last_epoch(factors: Mapping[str, Value]) -> int:
    return int(factors["epochs"] or 0)


def _audited(factors: Mapping[str, Value]) -> tuple[int | None, ...]:
    return tuple(sorted({1, _last_epoch(factors)}))


def _setting(name: str, help: str, *, epochs: int, width: int, augment: bool) -> Experiment:  # noqa: A002 - the field's name
    return Experiment(
        name=name,
        factors={
            "rule": Factor("dfa", choices=("bp", "dfa"), help="learning rule"),
            "penalty": Factor(0.0, low=0.0, help="weight of the squared norm of each block's output in its local loss"),
            "epochs": Factor(epochs, low=1),
            "credit_site": Factor("output", choices=("output", "input"), help="credit at the block's output or input"),
            "credit_scale": Factor(
                "error", choices=("error", "unit"), help="credit as it is, or at unit root mean square"
            ),
            "blocks": Factor(4, low=1),
            "width": Factor(width, low=2),
        },
        metrics=METRICS,
        training=Stage("faeval.settings:train", TRAINING_REVISION),
        audits={n: Stage(f"faeval.settings:audit_{n}", r) for n, r in AUDIT_REVISIONS.items()},
        layers=_layers,
        exact=_exact,
        last_epoch=_last_epoch,
        audited_epochs=_audited,
        dataset=Stage(f"faeval.tasks:{name}_digest"),
        config={
            "task": name,
            "batch": 128,
            "learning_rate": 1e-3,
            "weight_decay": 0.01,
            "schedule": "cosine",
            "augment": augment,
        },
        packages=("torch",),
        help=help,
    )


_SETTINGS = {
    s.name: s
    for s in (
        _setting(
            "teacher",
            "embedded classification task from a random teacher; seconds a run",
            epochs=20,
            width=128,
            augment=False,
        ),
        _setting("digits", "scikit-learn's 8 x 8 digits", epochs=20, width=128, augment=False),
        _setting("cifar10", "CIFAR-10 from a folder in the Hugging Face layout", epochs=30, width=256, augment=True),
    )
}


def experiments() -> dict[str, Experiment]:
    """Return every named experiment: faeval's settings, and those of installed packages (group ``faeval.experiments``)."""
    found = dict(_SETTINGS)
    for entry in entry_points(group="faeval.experiments"):
        found.setdefault(entry.name, entry.load())
    return found


def experiment(name: str) -> Experiment:
    """Return the experiment of that name; raise FaevalError with the known names otherwise."""
    known = experiments()
    if name not in known:
        raise FaevalError(f"setting {name!r} is unknown; known are {', '.join(sorted(known))}.")
    return known[name]
