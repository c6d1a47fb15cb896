"""What others call the columns of runs: seeds, arms, epochs, folds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

SEEDS = (
    "seed", "seeds", "random_seed", "rng_seed", "rngseed", "random_state", "seed_id", "run_seed",
    "global_seed", "manual_seed", "train_seed", "trial_seed", "rep", "reps", "replicate",
    "replication", "repetition", "repeat", "trial", "run_idx", "run_index", "run_number",
)  # fmt: skip
#: Columns that are called so hold seeds only where none of the first kind is there.
MAYBE_SEEDS = ("run", "run_id", "iteration", "id", "experiment_id")
ARMS = (
    "method", "methods", "arm", "algorithm", "algo", "alg", "model", "model_name", "approach",
    "variant", "agent", "optimizer", "optimiser", "condition", "treatment", "group", "system",
    "config", "config_name", "configuration", "version", "architecture", "arch", "network",
    "strategy", "policy", "baseline", "technique", "estimator", "classifier", "learner", "rule",
    "exp", "exp_name", "experiment", "experiment_name", "name", "run_name", "env_name", "command",
)  # fmt: skip
EPOCHS = (
    "epoch", "epochs", "step", "steps", "global_step", "_step", "iteration", "iter", "itr", "round",
    "timestep", "timesteps", "total_timesteps", "env_step", "env_steps", "frame", "frames",
    "update", "updates", "generation", "xs",
)  # fmt: skip
FOLDS = ("fold", "folds", "split", "cv", "cv_fold", "fold_id")
#: Cells of a column such as ``split`` that say what was measured on, and are no folds.
PARTS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval")
METRICS = ("metric", "metrics", "metric_name", "measure", "measurement", "tag", "variable", "key")
VALUES = ("value", "values", "score", "result", "y", "ys")
#: Parts of names of columns that hold a spread, which is never what is compared.
SPREADS = ("std", "stdev", "sd", "sem", "se", "stderr", "ci", "var", "variance", "iqr")


def word(name: object) -> str:
    """Return a column's name in one spelling: ``Random Seed`` is ``random_seed``."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name).strip())
    return re.sub(r"[\s-]+", "_", text.lower())


def tail(name: object) -> str:
    """Return the last part of a name with dots or slashes: ``config/args.seed`` is ``seed``."""
    return re.split(r"[./:]", word(name))[-1]


def alike(name: object, words: Iterable[str]) -> bool:
    """Whether a column is called one of some words, whatever stands before a dot or slash."""
    return word(name) in words or tail(name) in words


def parts(name: object) -> list[str]:
    """Return the words of a name: ``std_test_score`` is std, test, score."""
    return re.findall("[a-z]+", word(name))


def is_spread(name: object) -> bool:
    """Whether a column is called as a spread, such as ``acc_std``."""
    return not {*SPREADS}.isdisjoint(parts(name))


def braced(pattern: str, path: str) -> str:
    """Return a pattern of files that says, by an example, where arm and seed stand in paths.

    Examples
    --------
    >>> braced("hf/*/results.json", "hf/bert-seed1/results.json")
    'hf/{method}-seed{seed}/results.json'
    """
    before, _, after = pattern.partition("*")
    text = path[len(before) :].split("/")[0].removesuffix(after.split("/")[0])
    numbered = re.fullmatch(r".*?[A-Za-z]([\W_]*(?:seed|run|s)?[\W_]*)\d+", text)
    names = f"{{method}}{numbered[1]}{{seed}}" if numbered else "{method}"
    return f"{before}{names}{after}"


def cell_text(cell: Any) -> str:
    """Return a cell as text without blanks around it; nothing where it is missing."""
    return "" if cell is None or cell != cell else str(cell).strip()
