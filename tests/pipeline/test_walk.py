"""The whole walk on small networks: claims, plan, runs, evidence, verdicts, report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import faeval as fe
from faeval import pipeline
from faeval.errors import FaevalError
from faeval.evidence import Store, csv_bytes

tiny = fe.Arm("dfa", epochs=2, width=16, blocks=2)
margin = fe.Margin(0.02, "any number will do for a test")
claim = fe.Claim(
    "the penalty moves deep alignment",
    fe.exceeds(fe.cosine(tiny.but(penalty=1e-2)), fe.cosine(tiny), by=margin),
    attributed_to="penalty",
    seeds=2,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    pipeline.verify(claim, store=folder, workers=1)
    return folder


def test_verify_trains_audits_and_decides(store: Path) -> None:
    report = fe.verify(claim, store=store)
    (verdict,) = report.verdicts
    assert verdict.n == 2
    assert verdict.setting == "teacher"
    assert verdict.flags[0] == "unregistered"
    assert len(verdict.assertions[0].differences) == 2
    assert verdict.assertions[0].item_error is not None
    assert verdict.assertions[0].item_error > 0


def test_every_audited_state_has_its_controls_and_they_hold(store: Path) -> None:
    table = Store(store).table()
    controls = table[table["metric"] == "control_true"]
    assert len(controls) == 2 * 2 * 2 * 3  # arms x seeds x epochs x states
    assert (controls["value"] >= 0.99).all()
    assert (table[table["metric"] == "control_random"]["value"].abs() < 0.2).all()
    assert (table["status"] == "measured").all()


def test_arms_of_a_seed_share_weights_feedback_and_order(store: Path) -> None:
    records = [r for r in Store(store).records() if hasattr(r, "hashes")]
    by_seed: dict[int, list[dict[str, str]]] = {}
    for record in records:
        by_seed.setdefault(record.seed, []).append(dict(record.hashes))
    assert sorted(by_seed) == [1, 2]
    for hashes in by_seed.values():
        assert len(hashes) == 2
        assert hashes[0] == hashes[1]
        assert {"initial_network", "feedback", "first_order"} <= set(hashes[0])
    assert not set(by_seed[1][0].values()) & set(by_seed[2][0].values())


def test_the_report_rests_on_the_evidence_written_beside_it(store: Path, tmp_path: Path) -> None:
    report = fe.verify(claim, store=store)
    pipeline.publish(report, tmp_path)
    assert (tmp_path / "evidence.csv").read_bytes() == csv_bytes(report.evidence)
    again = fe.verify(claim, from_evidence=tmp_path)
    assert again.to_json() == report.to_json() == (tmp_path / "verdicts.json").read_text()
    assert again.to_html() == report.to_html() == (tmp_path / "report.html").read_text()
    elsewhere = (
        tmp_path / "elsewhere.csv"
    )  # with no provenance beside it that could tell of other machines
    elsewhere.write_bytes((tmp_path / "evidence.csv").read_bytes())
    (tmp_path / "provenance.json").unlink()
    lone = fe.verify(claim, from_evidence=elsewhere)
    assert lone.to_json() == report.to_json()
    other_day = fe.decide(claim, tmp_path / "evidence.csv")
    assert [v.to_dict() for v in other_day] == json.loads(report.to_json())["verdicts"]


def test_a_refused_design_trains_nothing(tmp_path: Path) -> None:
    confounded = fe.Claim(
        "early against late",
        fe.exceeds(fe.cosine(tiny.but(penalty=1e-2)), fe.cosine(tiny, epoch=1), by=margin),
        attributed_to="penalty",
        expect="invalid:confounded",
    )
    report = fe.verify(confounded, store=tmp_path)
    (verdict,) = report.verdicts
    assert verdict.reason_code == "confounded"
    assert verdict.as_expected
    assert report.exit_code() == 0
    assert not list(tmp_path.rglob("*.json"))


def test_a_diverged_run_is_an_outcome(tmp_path: Path) -> None:
    # Beyond float32: the first step's gradient is already infinite.
    wild = tiny.but(penalty=1e60)
    against = fe.exceeds(fe.accuracy(wild), fe.accuracy(tiny), by=margin)
    plain = fe.Claim("wild wins", against, attributed_to="penalty", seeds=2)
    worst = fe.Claim(
        "wild wins, counted as worst", against, attributed_to="penalty", seeds=2, diverged="worst"
    )
    first, second = fe.verify([plain, worst], store=tmp_path, workers=1).verdicts
    assert (first.verdict, first.reason_code) == ("invalid", "diverged")
    assert second.reason_code != "diverged"
    assert second.assertions[0].a.values == (0.0, 0.0)


def test_backpropagation_against_its_own_gradient_is_refused(tmp_path: Path) -> None:
    bp = fe.Claim("BP is aligned", fe.exceeds(fe.cosine(fe.Arm("bp")), by=margin))
    (verdict,) = fe.verify(bp, store=tmp_path).verdicts
    assert verdict.reason_code == "exact_by_construction"


def test_registration_carries_the_pilots_spread(store: Path, tmp_path: Path) -> None:
    text = (
        "import faeval as fe\n"
        "tiny = fe.Arm('dfa', epochs=2, width=16, blocks=2)\n"
        "rises = fe.Claim('x', fe.exceeds(fe.cosine(tiny.but(penalty=1e-2)), fe.cosine(tiny), "
        "by=fe.Margin(0.02, 'x'), anticipated=0.1), attributed_to='penalty')\n"
    )
    (tmp_path / "c.py").write_text(text)
    pilot = fe.verify(tmp_path / "c.py", seeds=[1000, 1001], store=store, workers=1)
    pipeline.publish(pilot, tmp_path / "pilot")
    lock, file, _ = pipeline.register([tmp_path / "c.py"], [tmp_path / "pilot"])
    assert file == tmp_path / "claims.lock"
    (spread,) = lock.claims["c::rises"].pilot["teacher"]
    assert spread is not None
    differences = pilot.verdicts[0].assertions[0].differences
    mean = sum(differences) / 2
    assert spread.n == 2
    assert spread.mean == pytest.approx(mean, rel=1e-12)
    assert spread.sd == pytest.approx(sum((d - mean) ** 2 for d in differences) ** 0.5, rel=1e-12)
    plan = pipeline.outlook(tmp_path / "c.py", store=store)
    (row,) = plan.outlooks[0].assertions
    assert row.chances is not None
    assert 0 < row.chances.power <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"backend": "slurm"},
        {"cluster": "tcp://x:1"},
        {"retries": -1},
        {"time_limit": 0},
        {"workers": 0},
    ],
)
def test_options_of_a_campaign_are_looked_at_with_nothing_to_run(
    wrong: dict[str, object], tmp_path: Path
) -> None:
    (name,) = wrong
    for nothing in ({"offline": True}, {"from_evidence": tmp_path}):
        with pytest.raises(FaevalError, match=name):
            fe.verify(claim, store=tmp_path, **nothing, **wrong)  # type: ignore[arg-type]
