"""A published folder is whole or not at all: killed, out of space or refused, it reads as the old
or as the new one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import faeval as fe
from faeval import evidence, pipeline
from faeval.errors import FaevalError, Tampered

CLAIMS = """
    import faeval as fe

    def run(arm, seed):
        return {"score": 0.1 * arm["dose"] + 0.001 * (seed % 7)}

    toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": None}, revision="1")
    score = {dose: fe.metric("score", fe.Arm(dose=dose)) for dose in (1, 2)}
    first = fe.Claim("First", fe.exceeds(score[2], score[1], by=fe.Margin(0.05, "r")), attributed_to="dose", seeds=6)
"""  # noqa: E501

#: Publishes the second report over the first in children that are killed at their k-th change of
#: the file system.
KILLED = """
    import os, signal, sys
    from pathlib import Path
    from faeval import pipeline

    claims, root = Path(sys.argv[1]), Path(sys.argv[2])
    new = pipeline.decide_again(root / "new", claims)
    CHANGES = {"os.mkdir", "os.rename", "os.rmdir", "os.remove"}
    count = 0

    def hook(event, arguments):
        global count
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1][0] in "wx"
        if (event in CHANGES or writes) and str(at) in str(arguments[0]):
            count += 1
            if count == k:
                os.kill(os.getpid(), signal.SIGKILL)

    for k in range(1, 200):
        at = root / f"killed-{k}"
        if os.fork() == 0:
            sys.addaudithook(hook)
            pipeline.publish(new, at)
            os._exit(0)
        _, status = os.wait()
        if status == 0:
            print(k)
            break
"""


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("claims") / "it.py"
    file.write_text(dedent(CLAIMS))
    return file


@pytest.fixture(scope="module")
def folders(claims: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two reports of one claim, on three seeds and on six, with a file of the user's in each."""
    root = tmp_path_factory.mktemp("reports")
    for name, seeds in (("old", 3), ("new", 6)):
        report = fe.verify(claims, seeds=seeds, store=root / "store", workers=1)
        pipeline.publish(report, root / name)
        (root / name / "notes.txt").write_text("mine")
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no fork, no SIGKILL")
def test_a_folder_whose_writer_is_killed_reads_as_the_old_or_the_new_one(
    claims: Path, folders: Path, tmp_path: Path
) -> None:
    old, new = files(folders / "old"), files(folders / "new")
    assert {
        "evidence.csv",
        "provenance.json",
        "report.html",
        "report.md",
        "verdicts.json",
        "notes.txt",
    } == set(old)
    assert all(old[name] != new[name] for name in old if name != "notes.txt")
    shutil.copytree(folders / "new", tmp_path / "new")
    for k in range(1, 60):
        shutil.copytree(folders / "old", tmp_path / f"killed-{k}")
    command = [sys.executable, "-c", dedent(KILLED), str(claims), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last = int(done.stdout)
    assert last > 12  # five files, each written and moved
    seen, mixtures = [], []
    for k in range(1, last):
        at = tmp_path / f"killed-{k}"
        parts = {name: content for name, content in files(at).items() if name in old}
        mixed = parts not in (old, new)
        assert pipeline.report_folders([at]) == [at]
        whole = {name: content for name, content in files(at).items() if not name.startswith(".")}
        assert whole in (old, new)
        seen.append((mixed, whole == new))
        mixtures += [at] if mixed else []
    for at in (mixtures[0], mixtures[-1]):  # each reader alone finds it whole
        assert pipeline.check([at], claims).findings == ()
    assert (False, False) in seen
    assert (True, True) in seen
    assert seen == sorted(seen, key=lambda state: state[1])
    # The next writer leaves nothing of the killed one behind.
    pipeline.publish(pipeline.decide_again(folders / "new", claims), tmp_path / "killed-5")
    assert files(tmp_path / "killed-5") == new


@pytest.mark.parametrize("reader", ["verify", "stated", "check", "pilot"])
def test_every_reader_puts_in_place_what_was_left(
    claims: Path, folders: Path, tmp_path: Path, reader: str
) -> None:
    at = tmp_path / "at"
    shutil.copytree(folders / "old", at)
    left = at / ".faeval-ready"
    left.mkdir()
    for name in ("provenance.json", "report.md", "verdicts.json"):
        shutil.copy(folders / "new" / name, left)
    shutil.copy(folders / "new" / "evidence.csv", at)
    if reader == "verify":
        assert fe.verify(claims, from_evidence=at).verdicts[0].n == 6
    elif reader == "stated":
        assert len(pipeline.decide_again(at, claims).verdicts[0].seeds) == 6
    elif reader == "check":
        pipeline.check([at / "report.md"], claims)
    else:
        with pytest.raises(FaevalError, match="pilot seeds"):
            pipeline.register([claims], [at])
    assert not left.exists()
    assert (at / "verdicts.json").read_bytes() == (folders / "new" / "verdicts.json").read_bytes()


def test_a_folder_that_cannot_be_written_stays_as_it_was(
    folders: Path, claims: Path, tmp_path: Path
) -> None:
    at = tmp_path / "at"
    shutil.copytree(folders / "old", at)
    (at / "report.md").unlink()
    (at / "report.md").mkdir()  # a folder of the user's, where a file is due
    before = files(at)
    report = pipeline.decide_again(folders / "new", claims)
    with pytest.raises(FaevalError, match=r"at'.*cannot be written"):
        pipeline.publish(report, at)
    assert files(at) == before
    assert sorted(p.name for p in at.iterdir()) == sorted(before | {"report.md": b""})


@pytest.mark.skipif(os.name != "posix", reason="no limit on the size of files")
def test_a_folder_stays_as_it_was_where_no_more_can_be_written(
    folders: Path, claims: Path, tmp_path: Path, small_disk: Any
) -> None:
    at = tmp_path / "at"
    shutil.copytree(folders / "old", at)
    report = pipeline.decide_again(folders / "new", claims)
    # A page is larger than that: it stops half written, as on a full disk.
    with small_disk(5000), pytest.raises((OSError, FaevalError), match="too large"):
        pipeline.publish(report, at)
    assert files(at) == files(folders / "old")
    assert sorted(p.name for p in at.iterdir()) == sorted(files(at))


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_what_was_left_where_nobody_may_write_is_said(tmp_path: Path) -> None:
    left = tmp_path / ".faeval-ready"
    left.mkdir()
    (left / "verdicts.json").write_text("{}")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FaevalError, match=r"\bwritable\b"):
            pipeline.decide_again(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_files_being_written_count_for_nothing(folders: Path, claims: Path, tmp_path: Path) -> None:
    at = tmp_path / "at"
    shutil.copytree(folders / "old", at)
    beside = at / f".faeval-writing.{os.getpid()}.00"
    shutil.copytree(folders / "new", beside)
    (beside / "verdicts.json").write_text("half")
    assert pipeline.report_folders([tmp_path]) == [at]
    pipeline.publish(pipeline.decide_again(folders / "new", claims), at)
    assert (at / "verdicts.json").read_bytes() == (folders / "new/verdicts.json").read_bytes()
    assert beside.exists()  # of a process that lives


def test_forms_that_lie_there_are_published_anew(
    folders: Path, claims: Path, tmp_path: Path
) -> None:
    at = tmp_path / "at"
    pipeline.decide_again(folders / "old", claims).write(at, ["latex"])
    pipeline.publish(pipeline.decide_again(folders / "new", claims), at)
    assert pipeline.check([at], claims).findings == ()
    assert (at / "table.tex").is_file()


# --- what stands beside the evidence ---


@pytest.fixture
def late(tmp_path: Path, claims: Path) -> Path:
    """A report of a claim that was registered after its evidence."""
    folder = tmp_path / "claims"
    folder.mkdir()
    shutil.copy(claims, folder)
    fe.verify(folder, store=tmp_path / "store", workers=1)
    lock, *_ = pipeline.register([folder])
    report = fe.verify(folder, store=tmp_path / "store", workers=1)
    assert report.verdicts[0].registration == "after_evidence"
    pipeline.publish(report, tmp_path / "out")
    assert pipeline.check([tmp_path / "out"], folder).findings == ()
    (tmp_path / "sha").write_text(lock.sha256)
    return tmp_path


@pytest.mark.parametrize("digest", ["kept", "taken out"])
def test_registrations_that_were_altered_are_refused(late: Path, digest: str) -> None:
    file = late / "out" / "provenance.json"
    content = json.loads(file.read_text())
    assert content["registrations"] == [{"lock": None}]
    content["registrations"] = [
        {"lock": (late / "sha").read_text()}
    ]  # as if the runs had been made under the lock
    if digest != "kept":  # as in a folder of an older version
        del content["sha256"]
    file.write_text(json.dumps(content))
    for reader in (
        lambda: fe.verify(late / "claims", from_evidence=late / "out"),
        lambda: pipeline.decide_again(late / "out", late / "claims"),
        lambda: fe.verify(late / "claims", from_evidence=late / "out" / "evidence.csv"),
    ):
        with pytest.raises(Tampered, match="provenance"):
            reader()
    done = pipeline.check([late / "out"], late / "claims")
    assert (done.exit_code, len(done.findings)) == (12, 1)
    # Without decisions and a digest nothing tells what it said before.
    found = pipeline.with_provenance(evidence.check(late / "out"), late / "out").exit_code
    assert found == (12 if digest == "kept" else 0)


@pytest.mark.parametrize("name", ["verdicts.json", "evidence.csv"])
def test_a_report_that_lost_a_part_is_not_taken_for_documents(
    folders: Path, claims: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(folders / "old", tmp_path / "out")
    assert pipeline.check([tmp_path / "out"], claims).exit_code == 0
    (tmp_path / "out" / name).unlink()
    done = pipeline.check([tmp_path], claims)
    assert done.exit_code == 12
    assert f"no {name}" in done.findings[0].text


def test_a_pilot_that_was_altered_is_not_registered(late: Path) -> None:
    (late / "claims" / "claims.lock").unlink()
    pilot = fe.verify(late / "claims", seeds=[1000, 1001, 1002], store=late / "store", workers=1)
    pipeline.publish(pilot, late / "pilot")
    file = late / "pilot" / "evidence.csv"
    whole = file.read_text()
    file.write_text(whole.replace(",0.", ",0.9", 1))
    with pytest.raises(Tampered, match="altered"):
        pipeline.register([late / "claims"], [late / "pilot"])
    file.write_text(whole)
    stated = (late / "pilot" / "provenance.json").read_text()
    (late / "pilot" / "provenance.json").write_text(stated.replace('"runs": 6', '"runs": 7'))
    with pytest.raises(Tampered, match="altered"):
        pipeline.register([late / "claims"], [late / "pilot"])
    assert not (late / "claims" / "claims.lock").exists()
    (late / "pilot" / "provenance.json").write_text(stated)
    lock, *_ = pipeline.register([late / "claims"], [late / "pilot"])
    assert lock.claims["it::first"].pilot["toy"][0] is not None


def test_rendering_again_puts_an_old_folder_under_a_digest(late: Path) -> None:
    file = late / "out" / "provenance.json"
    sealed = file.read_bytes()
    content = json.loads(sealed)
    del content["sha256"]
    file.write_text(
        json.dumps(content, indent=1, sort_keys=True) + "\n"
    )  # as it was written before
    report = pipeline.decide_again(late / "out", late / "claims")
    assert file in pipeline.render(report, late / "out")
    assert file.read_bytes() == sealed
    assert file not in pipeline.render(report, late / "out")
    pipeline.render(report, late / "elsewhere", own=False)
    assert not (late / "elsewhere" / "provenance.json").exists()
