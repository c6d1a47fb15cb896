"""Code that changes: what is run again, what is said of it, what is kept, and how a verdict says
so.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import faeval as fe
from faeval import pipeline
from faeval.claims import load, make_lock, write_lock
from faeval.errors import FaevalError
from faeval.evidence import Store, TrainingRecord, check

TEXT = """
    import random
    import faeval as fe
    from helper_of_code import NOISE
    SLOPE = {slope}
    def effect(arm):
        return {body}
    def run(arm, seed):
        return {{"score": 0.2 + effect(arm) + random.Random(seed).gauss(0, NOISE) * (1 + arm["dose"])}}
    toy = fe.Experiment("dose", run, factors={{"dose": 0}}, metrics={{"score": (0, 1)}}{more})
    helps = fe.Claim("{sentence}", fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()),
                     by=fe.Margin(0.05, "half of a dose")), attributed_to="dose")
"""  # noqa: E501


class Study:
    """A claims file with a module beside it, its store, and what a call of ``verify`` says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.store = (
            folder,
            folder / "study_of_code.py",
            Store(folder / "store"),
        )

    def write(
        self,
        slope: str = "0.1",
        noise: str = "0.01",
        sentence: str = "A dose helps",
        more: str = "",
        body: str = "SLOPE * arm['dose']",
    ) -> Study:
        for name in ("helper_of_code", "study_of_code"):
            sys.modules.pop(name, None)
        (self.folder / "helper_of_code.py").write_text(f"NOISE = {noise}\n")
        self.file.write_text(
            dedent(TEXT).format(slope=slope, sentence=sentence, more=more, body=body)
        )
        return self

    def verify(self, **more: Any) -> tuple[Any, list[str]]:
        said: list[str] = []
        report = fe.verify(
            self.file, store=self.store, workers=1, notice=said.append, seeds=3, **more
        )
        return report, [text for text in said if "code" in text]

    def explain(self, run: str, **more: Any) -> Any:
        return pipeline.explain(run, self.file, store=self.store.root, seeds=3, **more)

    def accept(self, because: str = "renamed") -> dict[str, tuple[str, ...]]:
        return pipeline.accept(self.file, because=because, store=self.store.root, seeds=3)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Study(tmp_path).write()


def test_what_changes_is_run_again_and_said_before_and_nothing_else_is(study: Study) -> None:
    first, said = study.verify()
    assert said == []
    assert len(list(study.store.files())) == 6
    again, said = study.write(sentence="Another sentence").verify()
    assert (said, again.verdicts[0].runs) == ([], first.verdicts[0].runs)
    changed, said = study.write(slope="0.3").verify()
    (line,) = said
    assert re.search(r": SLOPE \(study_of_code\.py\); 6 runs\b", line)
    assert changed.verdicts[0].estimate == pytest.approx(first.verdicts[0].estimate + 0.2)
    _, said = study.write(slope="0.3", noise="0.02").verify()
    (line,) = said
    assert re.search(r": NOISE \(study_of_code\.py\); 6 runs\b", line)
    back, said = study.write().verify()
    assert (said, back.verdicts[0].runs) == ([], first.verdicts[0].runs)
    assert check(study.store.root).exit_code == 0


def test_records_and_provenance_say_which_code_and_what_is_not_digested(study: Study) -> None:
    study.file.write_text(
        study.file.read_text().replace("SLOPE *", "(SLOPE if arm else open('x')) *")
    )
    report, _ = study.verify()
    (record, *_) = study.store.records()
    assert set(record.code) == {"run"}
    assert {"study_of_code.py:effect", "study_of_code.py:SLOPE", "study_of_code.py:NOISE"} <= set(
        record.code["run"].parts
    )
    assert record.code["run"].undigested == ("study_of_code.py:effect (a file: open)",)
    assert report.provenance["code"]["run"] == record.code["run"].sha256
    assert "open" in report.provenance["not_digested"]
    assert "open" in str(study.explain("seed 1"))
    assert "open" in report.to_html()


@pytest.mark.parametrize(
    "run", ["dose=1 seed 2", "dose dose=1 seed 2", "'dose=1' seed 2", "dose=1.0 seed 2"]
)
def test_a_run_is_explained_by_the_name_that_a_person_gives_it(study: Study, run: str) -> None:
    assert not study.explain(run).there
    assert "no run" in str(study.explain(run))
    study.verify()
    told = study.explain(run)
    assert (told.there, told.reasons) == (True, ())
    assert study.explain(told.key[:9]) == told
    study.write(slope="0.2")
    again = study.explain(run)
    assert not again.there
    assert "SLOPE (study_of_code.py)" in str(again)
    assert study.explain(told.key[:9]).reasons == again.reasons  # by the key of what is stored, too
    for other in ("seed 9", "dose=1", "nonsense", "f" * 12, "dose=7 seed 2"):
        with pytest.raises(FaevalError, match=rf"{re.escape(other)}.*\bno run\b"):
            study.explain(other)


def test_a_run_is_explained_by_whatever_differs(study: Study) -> None:
    study.verify()
    assert any(
        "revision of run: 1 then, 2 now" in r
        for r in study.write(more=', revision="2"').explain("seed 1").reasons
    )
    assert any(
        "config a: none then, 3 now" in r
        for r in study.write(more=', config={"a": 3}').explain("seed 1").reasons
    )
    assert any(
        "device: cpu then, cuda now" in r
        for r in study.write().explain("seed 1", device="cuda").reasons
    )
    study.file.write_text(study.file.read_text().replace('"dose": 0}', '"dose": 0, "b": 1}'))
    assert any("factor b: none then, 1 now" in r for r in study.explain("seed 1").reasons)


def test_runs_are_kept_over_a_change_with_a_reason_and_verdicts_say_so(
    study: Study, tmp_path: Path
) -> None:
    first, _ = study.verify()
    before = {path: path.read_bytes() for path in study.store.files()}
    with pytest.raises(FaevalError, match="nothing to accept"):
        study.accept()
    study.write(body="arm['dose'] * SLOPE")
    with pytest.raises(FaevalError, match="--because"):
        study.accept(" ")
    assert len(study.accept("adds nothing")) == 6
    report, said = study.verify()
    (verdict,) = report.verdicts
    assert (said, verdict.flags, verdict.estimate) == (
        [],
        (*first.verdicts[0].flags, "code_accepted"),
        first.verdicts[0].estimate,
    )
    (kept,) = report.provenance["accepted"]
    assert (kept["because"], kept["runs"], kept["arms"]) == ("adds nothing", 6, ["", "dose=1"])
    assert (
        kept["from"]
        == report.provenance["code"]["run"]
        == first.provenance["code"]["run"]
        != kept["to"]
    )
    assert "adds nothing" in report.to_html()
    assert "adds nothing" in str(study.explain("dose=1 seed 1"))
    assert {path: path.read_bytes() for path in before} == before
    assert check(study.store.root).exit_code == 0
    pipeline.publish(report, tmp_path / "out")
    assert (
        pipeline.verify(study.file, from_evidence=tmp_path / "out").verdicts[0].flags
        == verdict.flags
    )
    # A second change is another one to accept, and the record holds both.
    study.write(body="1 * SLOPE * arm['dose']")
    study.accept("nor does this")
    assert len(study.verify()[0].provenance["accepted"]) == 2
    # What is another run for another reason is not kept.
    with pytest.raises(FaevalError, match="nothing to accept"):
        study.write(body="SLOPE * 1 * arm['dose']", more=', revision="2"').accept()


def test_the_code_is_registered_and_evidence_of_other_code_is_flagged(
    study: Study, tmp_path: Path
) -> None:
    lock, *_ = pipeline.register([study.file])
    (registered,) = lock.claims.values()
    report, _ = study.verify()
    assert registered.code == {"dose": report.provenance["code"]["run"]}
    assert pipeline.check_lock([study.file]).passed
    pipeline.publish(report, tmp_path / "old")
    study.write(slope="0.3")
    found = pipeline.check_lock([study.file])
    assert (found.passed, found.code, found.same) == (False, ("study_of_code::helps",), ())
    report, _ = study.verify()
    (verdict,) = report.verdicts
    assert "code_changed" in verdict.flags
    assert [(w.code, w.value) for w in verdict.warnings] == [("code_changed", 2)]
    later = study.write(slope="0.4").verify()[0].verdicts[0]
    assert [(w.code, w.value) for w in later.warnings] == [("code_changed", 3)]
    pipeline.publish(report, tmp_path / "new")
    for folder, flags in (("old", {"stale"}), ("new", {"code_changed", "stale"})):
        (verdict,) = pipeline.verify(study.file, from_evidence=tmp_path / folder).verdicts
        assert set(verdict.flags) & {"stale", "code_changed"} == flags
    # By the code that was registered, whatever the file says today; by today's, whatever was
    # registered.
    (verdict,) = pipeline.verify(study.write().file, from_evidence=tmp_path / "old").verdicts
    assert not set(verdict.flags) & {"stale", "code_changed"}
    # An amendment registers today's.
    study.write(slope="0.3")
    pipeline.register([study.file], amend=["study_of_code::helps"], because="a better slope")
    assert pipeline.check_lock([study.file]).passed
    (verdict,) = study.verify()[0].verdicts
    assert "code_changed" not in verdict.flags
    assert verdict.registration == "amended_after_evidence"


def test_a_claim_registered_without_a_digest_knows_none(study: Study) -> None:
    def flags(**arguments: Any) -> set[str]:
        (verdict,) = fe.verify(study.file, seeds=3, workers=1, **arguments).verdicts
        return {flag for flag in verdict.flags if flag.startswith("code")}

    lock = study.folder / "claims.lock"
    write_lock(make_lock(load(study.file), {}, registered="2026-01-01", commit=None), lock)
    study.write(slope="0.3")
    assert flags(store=study.store) == set()
    lock.unlink()
    pipeline.register([study.write().file])
    study.write(slope="0.3")
    report, _ = study.verify()
    assert "code_changed" in report.verdicts[0].flags
    # Nor is anything flagged where numbers say nothing of the code that made them.
    report.evidence.to_csv(study.folder / "table.csv", index=False)
    assert flags(from_evidence=study.folder / "table.csv") == set()


def test_trainings_are_kept_with_their_checkpoints(tmp_path: Path) -> None:
    def setting(number: int) -> fe.Experiment:
        def train(
            factors: Any, seed: int, folder: Path, options: Any, config: Any, progress: Any
        ) -> dict[str, Any]:
            import hashlib

            (folder / "one.bin").write_bytes(b"weights")
            sha256 = hashlib.sha256(b"weights").hexdigest()
            return {
                "rows": [],
                "weights": sha256,
                "checkpoints": {1: {"file": "one.bin", "sha256": sha256}},
                "notes": {"n": number},
            }

        def audit(factors: Any, seed: int, *_: Any) -> dict[str, Any]:
            return {"rows": [{"metric": "x", "value": seed / 7 + factors["a"]}]}

        from faeval.experiment import Stage

        return fe.Experiment(
            "net",
            factors={"a": 0},
            metrics=["x"],
            training=Stage(train),
            audits={"look": Stage(audit)},
        )

    def claim(number: int) -> fe.Claim:
        x = [fe.metric("x", arm) for arm in (fe.Arm(a=1), fe.Arm())]
        return fe.Claim(
            "x",
            fe.exceeds(*x, by=fe.Margin(0.1, "r")),
            attributed_to="a",
            experiment=setting(number),
        )

    fe.verify(claim(1), store=tmp_path, workers=1, seeds=2)
    assert len(pipeline.accept(claim(2), because="a note", store=tmp_path, seeds=2)) == 4
    report = fe.verify(claim(2), store=tmp_path, workers=1, seeds=2, offline=True)
    assert "code_accepted" in report.verdicts[0].flags
    assert sum(isinstance(record, TrainingRecord) for record in Store(tmp_path).records()) == 8
    assert check(tmp_path).exit_code == 0


def test_the_command_line_says_it(study: Study) -> None:
    def do(*arguments: str, as_json: bool = True) -> tuple[int, str, str]:
        command = [
            sys.executable,
            "-c",
            "from faeval.cli import main; main()",
            *arguments,
            study.file.name,
        ]
        more = ["--store", "store", "--seeds", "3", *(["--json"] if as_json else [])]
        done = subprocess.run(
            [*command, *more], cwd=study.folder, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    study.verify()
    study.write(slope="0.3")
    code, out, _ = do("verify", "--explain", "dose=1 seed 1")
    told = json.loads(out)
    assert (code, told["schema"], told["there"]) == (0, "faeval-explain-1", False)
    code, out, error = do("evidence", "accept", "--because", "no")
    accepted = json.loads(out)
    assert (code, len(accepted["kept"]), error) == (0, 6, "")
    assert any("SLOPE" in name for name in accepted["changed"])
    study.write(slope="0.5")
    pipeline.register([study.file])
    study.write(slope="0.6")
    code, out, error = do("evidence", "accept", "--because", "no", as_json=False)
    assert code == 0, error
    assert "SLOPE" in out
    study.write(slope="0.7")
    code, out, error = do("verify", "--workers", "1", as_json=False)
    assert re.search(r"\bSLOPE\b.*\b6 runs\b", error)
    (warning,) = [line for line in out.splitlines() if line.startswith("warning: ")]
    assert "other code" in warning
