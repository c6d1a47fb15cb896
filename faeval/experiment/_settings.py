"""The settings that faeval ships, as specifications; faeval.bench.settings runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from faeval._arguments import count, number
from faeval.errors import FaevalError
from faeval.experiment._arm import Value
from faeval.experiment._components import Component, all_states, component
from faeval.experiment._experiment import Experiment, Stage
from faeval.experiment._factor import Factor
from faeval.experiment._metrics import METRICS
from faeval.experiment._own_metrics import KNOWN_METRICS, OwnMetrics

# Raised when the numbers of that component change; a golden-bits test compares them with what is
# stored.
TRAINING_REVISION = "1"
METRIC_REVISION = "1"
AUDIT_REVISIONS = {
    "alignment": "2",
    "accuracy": "2",
    "published": "1",
    "nudging": "1",
    "fresh": "1",
}
#: Audits that cost as much as the rest together run where a claim reads what only they give, known
#: by how it begins.
_ON_DEMAND = {"published": "published.", "nudging": "nudge", "fresh": "fresh_"}


def _gives(audit: str) -> frozenset[str]:
    begins = _ON_DEMAND.get(audit)
    return frozenset(name for name in METRICS if begins and name.startswith(begins))


class _Audits(Mapping[str, Stage]):
    """A live view of the audits of a setting: ours, and one for each registered metric."""

    def __init__(self) -> None:
        self.ours = {
            n: Stage(f"faeval.bench.settings:audit_{n}", r, _gives(n))
            for n, r in AUDIT_REVISIONS.items()
        }

    def __getitem__(self, name: str) -> Stage:
        if name in self.ours:
            return self.ours[name]
        metric = name.removeprefix(_OWN)
        if metric == name or metric not in _own_metrics:
            raise KeyError(name)
        revision = f"{METRIC_REVISION}.{component('metric', metric).revision}"
        return Stage("faeval.bench.settings:audit_metric", revision, frozenset({metric}), metric)

    def __iter__(self) -> Iterator[str]:
        yield from self.ours
        yield from (_OWN + metric for metric in _own_metrics)

    def __len__(self) -> int:
        return len(self.ours) + len(_own_metrics)


_OWN = "metric-"  # how the audit by a registered metric is named
_own_metrics = OwnMetrics()


def _exact(factors: Mapping[str, Value]) -> tuple[int, ...]:
    return component("rule", str(factors["rule"])).exact(factors)


def _last_epoch(factors: Mapping[str, Value]) -> int:
    return int(factors["epochs"] or 0)


def _audited(factors: Mapping[str, Value]) -> tuple[int | None, ...]:
    return tuple(sorted({1, _last_epoch(factors)}))


def _settle(factors: dict[str, Value], where: str) -> dict[str, Value]:
    """Check what only several factors together can tell; training all blocks has one spelling."""
    trained, blocks = factors["trained_blocks"], factors["blocks"]
    if trained is None:
        return factors
    if (
        isinstance(trained, bool)
        or not isinstance(trained, int)
        or not 0 <= trained <= int(blocks or 0)
    ):
        raise FaevalError(
            f"{where}: trained_blocks={trained!r} ({type(trained).__name__}) must be a whole number"
            f" from 0, the frozen baseline, to the {blocks} blocks there are."
        )
    return {**factors, "trained_blocks": None if trained == blocks else trained}


def setting(
    name: str,
    task: Callable[..., Any] | str,
    *,
    epochs: int = 20,
    width: int = 128,
    blocks: int = 4,
    batch: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    augment: bool = False,
    help: str = "",  # noqa: A002 - the field's name
) -> Experiment:
    """Return a setting on a task of one's own: any rule, network and factor of ours on any arrays.

    Its runs need the extra ``bench``.

    At module level of a claims file it is that file's default setting; installed packages name
    theirs in the entry-point group ``faeval.experiments``.

    Parameters
    ----------
    name
        Its name in evidence: one word.
    task
        A function without arguments that returns a ``faeval.bench.tasks.Task``
        (``faeval.bench.tasks.from_arrays`` makes one), the same at each call; or its path
        ``"module:function"``. It is called in the worker, and once for the digest of the data.
    epochs, width, blocks
        Defaults of these factors.
    batch, learning_rate, weight_decay
        AdamW's, with a cosine schedule; the last, incomplete batch of an epoch is left out.
    augment
        Random crop and horizontal flip, for images.

    Raises
    ------
    FaevalError
        A number that no training could use.

    Examples
    --------
    >>> from faeval.experiment import Arm
    >>> iris = setting("iris", "my_package.data:iris", epochs=50, width=32, batch=16)
    >>> iris.resolve(Arm("fa"))["epochs"]
    50
    """
    where = f"setting {name!r}"
    own = Component("task", name, task)
    return _setting(
        name,
        help or f"{name}, a task of its own",
        epochs=count(f"{where}: epochs", epochs, low=1),
        width=count(f"{where}: width", width, low=1),
        blocks=count(f"{where}: blocks", blocks, low=1),
        batch=count(f"{where}: batch", batch, low=1),
        learning_rate=number(f"{where}: learning_rate", learning_rate, "above 0", low=1e-12),
        weight_decay=number(f"{where}: weight_decay", weight_decay, "at least 0", low=0.0),
        augment=augment,
        dataset=Stage(partial(_task_digest, own)),
        carried=(own,),
    )


def _task_digest(own: Component, data: Path | None = None) -> str:
    """Return the digest of the arrays of a task of one's own, made once in a process."""
    # by its path: nothing here loads the bench
    digest: str = Stage("faeval.bench.tasks:task_digest").resolve()(own.resolve())
    return digest


def _setting(
    name: str,
    help: str,  # noqa: A002 - the field's name
    *,
    epochs: int,
    width: int,
    augment: bool,
    blocks: int = 4,
    batch: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    dataset: Stage | None = None,
    carried: tuple[Component, ...] = (),
) -> Experiment:
    return Experiment(
        name=name,
        factors={
            "rule": Factor(
                "dfa",
                help=(
                    "learning rule, which gives each state its credit, the signal in place of the"
                    " gradient"
                ),
            ),
            "penalty": Factor(
                0.0,
                low=0.0,
                help="weight of the squared norm of each block's output in its local loss",
            ),
            "epochs": Factor(epochs, low=1),
            "credit_site": Factor(
                "output", choices=("output", "input"), help="credit at the block's output or input"
            ),
            "credit_scale": Factor(
                "error",
                choices=("error", "unit"),
                help="credit as it is, or at unit root mean square",
            ),
            "trained_blocks": Factor(
                None, help="how many of the last blocks learn; 0 is the frozen baseline"
            ),
            "labels": Factor(
                "true",
                choices=("true", "random"),
                help="training labels, or random classes in their place",
            ),
            "network": Factor("residual_mlp", help="network"),
            "blocks": Factor(blocks, low=1),
            "width": Factor(width, low=2),
        },
        metrics=KNOWN_METRICS,
        training=Stage("faeval.bench.settings:train", TRAINING_REVISION),
        training_many=Stage("faeval.bench.settings:train_many", TRAINING_REVISION),
        check_device=Stage("faeval.bench.settings:check_device"),
        audits=_Audits(),
        layers=all_states,
        exact=_exact,
        last_epoch=_last_epoch,
        audited_epochs=_audited,
        parts=("rule", "network"),
        carried=carried,
        settle=_settle,
        dataset=dataset or Stage(f"faeval.bench.tasks:{name}_digest"),
        config={
            "task": name,
            "batch": batch,
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
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
        _setting(
            "cifar10",
            "CIFAR-10 from a folder in the Hugging Face layout",
            epochs=30,
            width=256,
            augment=True,
        ),
        _setting(
            "cifar100",
            "CIFAR-100 from a folder in the Hugging Face layout",
            epochs=30,
            width=256,
            augment=True,
        ),
    )
}


def experiments() -> dict[str, Experiment]:
    """Return every named experiment: faeval's settings, and those of installed packages.

    These are in the group ``faeval.experiments``.
    """
    return {**_SETTINGS, **_installed_experiments()}


@cache  # whatever reads a claim asks, and the list of installed packages is read from disk
def _installed_experiments() -> dict[str, Experiment]:
    return {
        e.name: _installed(e)
        for e in entry_points(group="faeval.experiments")
        if e.name not in _SETTINGS
    }


def _installed(entry: EntryPoint) -> Experiment:
    where = f"entry point {entry.name!r} of faeval.experiments ({entry.value})"
    try:
        experiment = entry.load()
    except Exception as error:  # whatever an installed package does as it is imported
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise FaevalError(
            f"{where} cannot be loaded ({text}); correct or uninstall its package."
        ) from error
    if not isinstance(experiment, Experiment):
        raise FaevalError(
            f"{where} is {experiment!r} ({type(experiment).__name__});"
            " it must name an fe.Experiment."
        )
    if experiment.name != entry.name:
        raise FaevalError(
            f"{where} is the experiment {experiment.name!r}; give both one name,"
            " which evidence knows it by."
        )
    return experiment


def experiment(name: str) -> Experiment:
    """Return the experiment of that name; raise FaevalError with the known names otherwise."""
    by_name = experiments()
    if name not in by_name:
        raise FaevalError(f"setting {name!r} is unknown; known are {', '.join(sorted(by_name))}.")
    return by_name[name]
