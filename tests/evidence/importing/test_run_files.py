"""What well-known tools write for a run, and what stands beside it.

Event files, trials and logs are written by the tools themselves where these are installed; other
files are small ones in the layout that the tools' sources have.
"""

from __future__ import annotations

import json
import math
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faeval.errors import EvidenceError, MissingExtra
from faeval.evidence.importing import cells_of_glob

PUBLIC = Path(os.environ.get("FAEVAL_PUBLIC", "../shared/data/public"))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str | Path, content: Any) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def said(cells: Any, *words: str) -> bool:
    return any(all(word in note for word in words) for note in cells.notes)


ARMS = [(arm, seed) for arm in ("base", "ours") for seed in (1, 2)]


def test_results_of_hugging_face_have_an_epoch_where_it_is_whole() -> None:
    for arm, seed in ARMS:  # transformers/trainer.py, save_metrics
        epoch = 3.0 if arm == "ours" else 1.36
        write(f"{arm}/{seed}/all_results.json", {"epoch": epoch, "eval_accuracy": 0.9 + seed / 100})
    cells = cells_of_glob("{arm}/{seed}/all_results.json")
    assert list(cells.table["eval_accuracy"]) == [0.91, 0.92] * 2
    assert list(cells.table["epoch"]) == [None, None, 3, 3]
    assert said(cells, "epoch", "2 of 4 files")


def test_the_history_of_a_trainer_has_a_row_for_each_record() -> None:
    for arm, seed in ARMS:  # transformers/trainer_callback.py, TrainerState
        history = [
            {"epoch": 0.5, "loss": 0.7, "step": 10},
            {"epoch": 1.0, "eval_loss": 0.4 + seed, "step": 20},
        ]
        write(
            f"{arm}/{seed}/trainer_state.json",
            {"epoch": 1.0, "global_step": 20, "log_history": history},
        )
    cells = cells_of_glob("{arm}/{seed}/trainer_state.json")
    assert cells.roles["epoch"] == "step"
    assert list(cells.table["step"]) == [10, 20] * 4
    assert list(cells.table["eval_loss"]) == [None, 1.4, None, 2.4] * 2


def test_sacred_has_series_by_step_and_the_rest_in_files_beside() -> None:
    for number, (arm, seed) in enumerate(ARMS, 1):  # sacred/observers/file_storage.py
        folder = f"runs/{number}"
        series = {
            "acc": {"steps": [1, 2], "values": [0.1, 0.2 + seed], "timestamps": ["", ""]},
            "loss": {
                "steps": [2],
                "values": [{"py/object": "numpy.float64", "dtype": "float64", "value": 0.5}],
                "timestamps": [""],
            },
        }
        write(f"{folder}/metrics.json", series)
        write(f"{folder}/config.json", {"seed": seed, "method": arm, "optim": {"lr": 0.1}})
        status = "FAILED" if number == 4 else "COMPLETED"
        about = {"experiment": {}, "heartbeat": "", "status": status, "result": 0.3}
        write(f"{folder}/run.json", about)
    cells = cells_of_glob("runs/{id}/metrics.json")
    table = cells.table
    assert list(table["acc"]) == [0.1, 1.2, 0.1, 2.2] * 2
    assert list(table["loss"]) == [None, 0.5] * 4
    assert list(table["method"]) == ["base"] * 4 + ["ours"] * 4
    assert list(table["seed"]) == [1, 1, 2, 2] * 2
    assert list(table["optim.lr"]) == [0.1] * 8
    assert list(table["status"]) == ["COMPLETED"] * 6 + ["FAILED"] * 2
    assert said(cells, "config.json", "seed", "method")
    ends = cells_of_glob("runs/{id}/run.json").table
    assert list(ends["result"]) == [0.3] * 4
    assert list(ends["seed"]) == [1, 2, 1, 2]


def test_metrics_whose_names_are_steps_and_values_are_no_sacred() -> None:
    for arm in "ab":
        write(f"{arm}.json", {"steps": 3, "values": 4})
    assert list(cells_of_glob("{arm}.json").table["steps"]) == [3, 3]


def test_monitor_files_have_a_row_for_each_episode() -> None:
    for arm, seed in ARMS:  # stable_baselines3/common/monitor.py
        text = (
            f'#{{"t_start": 1.5, "env_id": "CartPole-v1"}}\nr,l,t\n{seed}.0,11,0.7\n47.0,47,0.8\n'
        )
        write(f"{arm}/{seed}/monitor.csv", text)
    cells = cells_of_glob("{arm}/{seed}/monitor.csv")
    assert cells.roles["epoch"] == "episode"
    assert list(cells.table["episode"]) == [1, 2] * 4
    assert list(cells.table["r"]) == ["1.0", "47.0", "2.0", "47.0"] * 2
    assert cells.place(1) == "base/1/monitor.csv, line 4"
    write("base/1/monitor.csv", '#{"t_start": 1.5}\nr,l,t\n1.0,11\n')
    with pytest.raises(EvidenceError, match=r"line 3.*2 fields"):
        cells_of_glob("{arm}/{seed}/monitor.csv")


def test_evaluations_are_means_of_their_episodes() -> None:
    returns = np.arange(12.0).reshape(4, 3)
    for arm, seed in ARMS:  # stable_baselines3/common/callbacks.py, EvalCallback
        Path(arm, str(seed)).mkdir(parents=True)
        np.savez(
            f"{arm}/{seed}/evaluations.npz",
            timesteps=np.arange(4) * 100,
            results=returns + seed,
            ep_lengths=np.ones((4, 3), dtype=int),
        )
    cells = cells_of_glob("{arm}/{seed}/evaluations.npz")
    assert cells.roles["epoch"] == "timesteps"
    assert list(cells.table["timesteps"]) == [0, 100, 200, 300] * 4
    assert list(cells.table["mean_reward"][:4]) == [2.0, 5.0, 8.0, 11.0]
    assert said(cells, "3 episodes", "no seeds")
    np.savez("base/1/evaluations.npz", timesteps=[1], results=np.array([[{}]], dtype=object))
    with pytest.raises(EvidenceError, match=r"base/1/evaluations\.npz"):  # a pickle inside
        cells_of_glob("{arm}/{seed}/evaluations.npz")


def sweep(seed: int, hparams: int = 0, **numbers: Any) -> dict[str, Any]:
    settings = {"algorithm": "ERM", "test_envs": [1, 2], "trial_seed": seed, "seed": 360234358}
    return {"args": {**settings, "hparams_seed": hparams}, "hparams": {"lr": 1e-5}, **numbers}


def test_a_sweep_of_domainbed_has_the_trial_as_its_seed() -> None:
    for name, seed in (("0f", 0), ("1e", 1)):  # domainbed/scripts/train.py and sweep.py
        lines = [sweep(seed, step=step, env0_out_acc=step / 10 + seed) for step in (0, 5)]
        write(f"sweep/{name}/results.jsonl", "\n".join(map(json.dumps, lines)) + "\n")
    cells = cells_of_glob("sweep/{run}/results.jsonl")
    assert cells.roles["seed"] == "args.trial_seed"
    assert cells.roles["epoch"] == "step"
    assert list(cells.table["env0_out_acc"]) == [0.0, 0.5, 1.0, 1.5]
    assert list(cells.table["args.trial_seed"]) == [0, 0, 1, 1]
    assert said(cells, "trial_seed")


def harness(acc: float) -> dict[str, Any]:  # lm_eval/evaluator.py
    task = {"alias": "arc", "acc,none": acc, "acc_stderr,none": 0.01}
    about = {"model": "hf", "model_args": "pretrained=x"}
    return {"results": {"arc": task}, "versions": {"arc": 1}, "n-shot": {"arc": 0}, "config": about}


def test_logs_of_items_are_one_run_each() -> None:
    for seed in (1, 2):
        write(f"ours_{seed}.json", harness(0.5 + seed / 10))
    for pattern in ("ours_{name}.json", "ours_1.json"):
        with pytest.raises(EvidenceError, match=r"items.*no retrainings.*\{seed\}"):
            cells_of_glob(pattern)
    cells = cells_of_glob("{method}_{seed}.json")
    assert list(cells.table["results.arc.acc"]) == [0.6, 0.7]
    assert not any("stderr" in name for name in cells.table)
    assert list(cells.table["seed"]) == ["1", "2"]
    assert said(cells, "standard errors", "left out")


def test_logs_of_inspect_are_one_run_each() -> None:
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")

    for seed in (1, 2):
        spec = log.EvalSpec(
            task="sums",
            model="m",
            created="2026-01-01T00:00:00+00:00",
            dataset=log.EvalDataset(),
            config=log.EvalConfig(),
        )
        metrics = {
            name: log.EvalMetric(name=name, value=value)
            for name, value in (("accuracy", seed / 10), ("stderr", 0.01))
        }
        scores = [log.EvalScore(name="match", scorer="match", metrics=metrics)]
        results = log.EvalResults(scores=scores)
        made = log.EvalLog(eval=spec, status="success", results=results)
        for form in ("json", "eval"):
            log.write_eval_log(made, f"ours_{seed}.{form}", format=form)
    cells = cells_of_glob("{method}_{seed}.json")
    assert list(cells.table["results.match.accuracy"]) == [0.1, 0.2]
    assert list(cells.table["status"]) == ["success", "success"]
    assert not any("stderr" in name for name in cells.table)
    with pytest.raises(EvidenceError, match="items"):
        cells_of_glob("ours_{name}.json")
    with pytest.raises(EvidenceError, match="items"):
        cells_of_glob("ours_{name}.eval")
    if hasattr(zipfile, "ZIP_ZSTANDARD"):
        zipped = cells_of_glob("{method}_{seed}.eval").table
        assert list(zipped["results.match.accuracy"]) == [0.1, 0.2]
    else:  # compressed by zstd, which Python reads from 3.14 on
        with pytest.raises(EvidenceError, match="inspect log convert"):
            cells_of_glob("{method}_{seed}.eval")


@pytest.fixture
def yaml() -> Any:
    return pytest.importorskip("yaml", reason="PyYAML is not installed")


def test_hydra_says_beside_or_above_what_the_path_does_not(yaml: Any) -> None:
    for number, (arm, seed) in enumerate(ARMS):
        write(f"multirun/{number}/logs/metrics.json", {"acc": seed / 10})
        overrides = [f"model={arm}", f"+seed={seed}", "hydra.job.name=x", "optim.lr='1e-3'"]
        write(f"multirun/{number}/.hydra/overrides.yaml", yaml.safe_dump(overrides))
        config = {"model": {"name": arm}, "seed": seed + 100, "dropout": 0.5, "layers": [1, 2]}
        write(f"multirun/{number}/.hydra/config.yaml", yaml.safe_dump(config))
    cells = cells_of_glob("multirun/{job}/logs/metrics.json")
    table = cells.table
    assert list(table["model"]) == ["base", "base", "ours", "ours"]
    assert list(table["model.name"]) == ["base", "base", "ours", "ours"]
    assert list(table["seed"]) == ["1", "2", "1", "2"]
    assert list(table["optim.lr"]) == ["1e-3"] * 4
    assert list(table["dropout"]) == [0.5] * 4
    assert list(table["layers"]) == ["[1, 2]"] * 4
    assert said(cells, "model, seed, optim.lr", ".hydra/overrides.yaml", "or above")


def test_the_path_and_the_file_come_before_files_beside(yaml: Any) -> None:
    for arm, seed in ARMS:  # lightning/pytorch/loggers/csv_logs.py
        write(f"{arm}/{seed}/metrics.csv", f"epoch,step,val_acc,lr\n0,9,0.{seed},\n1,19,0.5,0.1\n")
        write(f"{arm}/{seed}/hparams.yaml", yaml.safe_dump({"seed": 7, "lr": 5, "width": 64}))
    cells = cells_of_glob("{arm}/{seed}/metrics.csv")
    assert list(cells.table["seed"]) == ["1", "1", "2", "2"] * 2
    assert [cell for cell in cells.table["lr"] if isinstance(cell, str)] == ["0.1"] * 4
    assert list(cells.table["width"]) == [64] * 8
    assert said(cells, "width", "hparams.yaml")
    assert said(cells, "seed differs", "hparams.yaml", "4 files")


def test_wandb_keeps_values_of_settings_under_value(yaml: Any) -> None:
    for number, (arm, seed) in enumerate(ARMS):  # as in public repositories that keep wandb/
        folder = f"wandb/run-2026_{number}/files"
        picture = {"_type": "image-file", "size": 3, "path": "x.png"}
        write(
            f"{folder}/wandb-summary.json",
            {"test_acc": seed / 10, "_step": 499, "_wandb": {"runtime": 8}, "plot": picture},
        )
        config = {
            "_wandb": {"value": {"cli_version": "0.24.0"}},
            "train": {"value": {"seed": seed, "lr": 0.1}},
            "method": {"desc": None, "value": arm},
        }
        write(f"{folder}/config.yaml", yaml.safe_dump(config))
    Path("wandb/latest-run").symlink_to("run-2026_3")
    cells = cells_of_glob("wandb/{run}/files/wandb-summary.json")
    table = cells.table
    assert {*table} == {"run", "test_acc", "_step", "method", "train.seed", "train.lr"}
    assert list(table["method"]) == ["base", "base", "ours", "ours"]
    assert list(table["train.seed"]) == [1, 2, 1, 2]
    assert said(cells, "links", "latest-run")


def test_yaml_makes_no_objects_and_what_cannot_be_read_is_said(yaml: Any) -> None:
    for arm, seed in ARMS:
        write(f"{arm}/{seed}.d/metrics.json", {"acc": 0.5})
        bad = f"!!python/object/apply:os.system ['touch {Path.cwd()}/made']\n"
        write(f"{arm}/{seed}.d/hparams.yaml", bad)
    cells = cells_of_glob("{arm}/{seed}.d/metrics.json")
    assert not Path("made").exists()
    assert said(cells, "4 files", "hparams.yaml", "left out")
    write("ours/1.d/hparams.yaml", f"seed: 3\nhook: {bad}betas: !!python/tuple [0.9, 0.99]\n")
    cells = cells_of_glob("{arm}/{number}.d/metrics.json", skip_without_seed=True)
    assert list(cells.table["seed"]) == [3]
    assert not Path("made").exists()
    many = "a: &a {" + ", ".join(f"k{i}: 1" for i in range(9)) + "}\n"
    for one, other in zip("bcdefghi", "abcdefgh", strict=True):
        many += f"{one}: &{one} {{{', '.join(f'k{i}: *{other}' for i in range(9))}}}\n"
    write("ours/1.d/hparams.yaml", many)  # 9**8 entries
    assert said(cells_of_glob("{arm}/{seed}.d/metrics.json"), "4 files")


def test_without_a_reader_of_yaml_the_extra_is_named_where_a_seed_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    for arm, seed in ARMS:
        write(f"{arm}/{seed}/metrics.json", {"acc": 0.5})
        write(f"{arm}/{seed}/hparams.yaml", "seed: 1\n")
    with pytest.raises(MissingExtra, match=r"faeval\[import\]"):
        cells_of_glob("{arm}/{number}/metrics.json")
    cells = cells_of_glob("{arm}/{seed}/metrics.json")
    assert said(cells, "hparams.yaml", "faeval[import]")


@pytest.fixture
def writer() -> Any:
    pytest.importorskip("tbparse", reason="tbparse is not installed")
    return pytest.importorskip("tensorboard.summary", reason="TensorBoard is not installed").Writer


def old_events(folder: str, values: dict[int, float], tag: str = "loss/train") -> None:
    """Write scalars as PyTorch's SummaryWriter does."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    file = EventFileWriter(folder, filename_suffix=f".{len(list(Path(folder).glob('*')))}")
    for step, value in values.items():
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        file.add_event(Event(step=step, wall_time=1.0 + step, summary=summary))
    file.close()


@pytest.mark.filterwarnings("ignore")  # what TensorBoard's packages warn of is not ours to mend
def test_event_files_have_a_row_for_each_step_and_a_column_for_each_tag(writer: Any) -> None:
    for arm, seed in ARMS:
        made = writer(f"{arm}/{seed}")
        for step in range(3):
            made.add_scalar("val/acc", seed + step, step)
        made.close()
        old_events(f"{arm}/{seed}", {0: 0.5, 2: math.nan})
    cells = cells_of_glob("{arm}/{seed}")
    assert cells.roles["epoch"] == "step"
    assert list(cells.table["step"]) == [0, 1, 2] * 4
    assert list(cells.table["val/acc"]) == [1, 2, 3, 2, 3, 4] * 2
    first = list(cells.table["loss/train"][:3])
    assert first[:2] == [0.5, None]
    assert math.isnan(first[2])  # logged so: an outcome, and no gap
    assert len(cells_of_glob("{arm}/{seed}/*tfevents*").table) == 5 * 4


@pytest.mark.filterwarnings("ignore")
def test_a_step_that_was_logged_again_has_its_last_number(writer: Any) -> None:
    for arm in "ab":
        Path(arm).mkdir()
        old_events(arm, {1: 0.1, 2: 0.2})
        old_events(arm, {2: 0.25, 3: 0.3})
    cells = cells_of_glob("{arm}")
    assert list(cells.table["loss/train"]) == pytest.approx([0.1, 0.25, 0.3] * 2)
    assert said(cells, "logged again")
    for file in Path("b").iterdir():
        file.write_bytes(b"no events")
    with pytest.raises(EvidenceError, match="b: "):
        cells_of_glob("{arm}")


def test_the_published_files_of_stable_baselines_and_domainbed_are_read() -> None:
    folder = PUBLIC if PUBLIC.is_absolute() else Path(__file__).parents[3] / PUBLIC
    if not folder.is_dir():
        pytest.skip("the public files are not here: FAEVAL_PUBLIC names their folder")
    means = cells_of_glob(f"{folder}/files/sb3/{{algo}}/CartPole-v1_1/evaluations.npz").table
    with np.load(f"{folder}/files/sb3/a2c/CartPole-v1_1/evaluations.npz") as there:
        known = there["results"].mean(axis=1)
    np.testing.assert_array_equal(means[means["algo"] == "a2c"]["mean_reward"].astype(float), known)
    cells = cells_of_glob(f"{folder}/files/sweep/{{run}}/results.jsonl")
    assert len(cells.table) == 200
    assert set(cells.table["args.trial_seed"]) == {0, 1}
    logs = cells_of_glob(f"{folder}/files/lmeval_opt-{{seed}}.json").table
    assert list(logs["results.sciq.acc"]) == [
        json.loads((folder / f"files/lmeval_opt-{name}.json").read_text())["results"]["sciq"]["acc"]
        for name in logs["seed"]
    ]
