"""Checkpoints: everything in, the same bits out, and nothing else accepted."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from faeval.bench.networks import ResidualMLP
from faeval.bench.rules import Backpropagation, DirectFeedbackAlignment, Setup
from faeval.bench.training import load, save, state, tensors_digest
from faeval.errors import FaevalError, Tampered

SIZES = (6, 8, 2, 3)


def pair(seed: int = 1) -> tuple[ResidualMLP, DirectFeedbackAlignment]:
    return ResidualMLP(*SIZES, seed), DirectFeedbackAlignment(Setup(*SIZES[1:], seed))


def test_a_checkpoint_restores_every_bit_of_network_and_rule(tmp_path: Path) -> None:
    network, rule = pair()
    with torch.no_grad():
        network.head.bias[:3] = torch.tensor([-0.0, 1e-45, torch.finfo(torch.float32).max])
    path = tmp_path / "epoch-0001.safetensors"
    sha256 = save(network, rule, path)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [p.name for p in tmp_path.iterdir()] == [
        path.name
    ]  # written by rename, nothing left over
    other = pair(seed=2)
    assert tensors_digest(state(*other)) != tensors_digest(state(network, rule))
    load(*other, path, sha256)
    assert tensors_digest(state(*other)) == tensors_digest(state(network, rule))
    for name, tensor in state(network, rule).items():
        assert torch.equal(state(*other)[name].view(torch.uint8), tensor.view(torch.uint8)), name


def test_the_file_is_safetensors_with_feedback_inside_and_no_pickle(tmp_path: Path) -> None:
    network, rule = pair()
    path = tmp_path / "c.safetensors"
    save(network, rule, path)
    content = path.read_bytes()
    # The format, by hand (huggingface/safetensors README): u64 length of the header, JSON, then raw
    # little-endian bytes.
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header["rule.feedback"]["shape"] == [3, 8, 3]
    assert {name for name in header if name != "__metadata__"} == set(state(network, rule))
    begin, end = header["rule.feedback"]["data_offsets"]
    raw = content[8 + length + begin : 8 + length + end]
    assert raw == rule.feedback.numpy().tobytes()


def test_the_same_tensors_make_the_same_file(tmp_path: Path) -> None:
    first, second = (save(*pair(), tmp_path / name) for name in ("a", "b"))
    assert first == second
    assert save(*pair(), tmp_path / "a") == first  # and writing again replaces it
    assert save(*pair(3), tmp_path / "c") != first


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, str]:
    path = tmp_path_factory.mktemp("checkpoints") / "epoch-0001.safetensors"
    sha256 = save(*pair(), path)
    return path, path.read_bytes(), sha256


@settings(max_examples=40)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_altered_bit_is_noticed(
    written: tuple[Path, bytes, str], where: float, bit: int
) -> None:
    path, content, sha256 = written
    altered = bytearray(content)
    altered[int(where * len(content))] ^= 1 << bit
    path.write_bytes(altered)
    with pytest.raises(Tampered, match=r"epoch-0001\.safetensors.*altered or cut off.*Delete"):
        load(*pair(), path, sha256)


@settings(max_examples=20)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_noticed(written: tuple[Path, bytes, str], share: float) -> None:
    path, content, sha256 = written
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(Tampered, match=sha256[:12]):
        load(*pair(), path, sha256)


def test_a_refused_file_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    sha256 = save(*pair(), tmp_path / "c")
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:-1])
    other = pair(2)
    before = tensors_digest(state(*other))
    with pytest.raises(Tampered):
        load(*other, tmp_path / "c", sha256)
    assert tensors_digest(state(*other)) == before


class Trap:
    """Unpickling this would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_never_run_even_with_a_matching_hash(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    for name, content in (("pickle", pickle.dumps(Trap(sprung))), ("torch", b"")):
        path = tmp_path / name
        if name == "torch":
            torch.save({"trap": Trap(sprung)}, path)
        else:
            path.write_bytes(content)
        with pytest.raises(Tampered, match="no safetensors file"):
            load(*pair(), path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert not sprung.exists()


def test_a_checkpoint_of_backpropagation_holds_the_network_only(tmp_path: Path) -> None:
    network, rule = pair()[0], Backpropagation()
    sha256 = save(network, rule, tmp_path / "c")
    assert all(name.startswith("network.") for name in state(network, rule))
    other = ResidualMLP(*SIZES, 5)
    load(other, rule, tmp_path / "c", sha256)
    assert torch.equal(other.head.weight, network.head.weight)


def test_feedback_left_out_of_a_checkpoint_is_an_error_not_fresh_feedback(tmp_path: Path) -> None:
    # A mistake made in this field: feedback matrices not stored with the checkpoint.
    sha256 = save(pair()[0], Backpropagation(), tmp_path / "c")
    with pytest.raises(FaevalError, match=r"rule DirectFeedbackAlignment: .*no feedback"):
        load(*pair(), tmp_path / "c", sha256)


def test_a_checkpoint_of_other_sizes_is_refused_by_name_and_changes_nothing(tmp_path: Path) -> None:
    network, rule = pair()
    sha256 = save(network, rule, tmp_path / "c")
    other = ResidualMLP(*SIZES, 2), DirectFeedbackAlignment(Setup(*SIZES[1:], 2, "input"))
    before = tensors_digest(state(*other))
    says = r"rule DirectFeedbackAlignment: feedback .*\(3, 8, 3\).*\(2, 8, 3\)"
    with pytest.raises(FaevalError, match=says):
        load(*other, tmp_path / "c", sha256)
    with pytest.raises(
        FaevalError,
        match=r"rule Backpropagation: .*holds feedback, .*unknown",
    ):
        load(other[0], Backpropagation(), tmp_path / "c", sha256)
    with pytest.raises(
        FaevalError,
        match=r"network ResidualMLP: .*no blocks\.2\.",
    ):
        load(ResidualMLP(6, 8, 3, 3, 2), other[1], tmp_path / "c", sha256)
    assert tensors_digest(state(*other)) == before


def test_a_missing_checkpoint_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        FaevalError,
        match=r"\bgone .*No such file.*; run that",
    ):
        load(*pair(), tmp_path / "gone", "")


TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor([1, 2])}


@pytest.mark.parametrize(
    "other",
    [
        {**TENSORS, "b": torch.arange(6.0).reshape(3, 2)},
        {**TENSORS, "b": torch.arange(6.0).double().reshape(2, 3)},
        {**TENSORS, "b": -torch.arange(6.0).reshape(2, 3)},
        {"c": TENSORS["b"], "a": TENSORS["a"]},
        {"a": TENSORS["a"]},
    ],
    ids=["shape", "type", "bytes", "name", "fewer"],
)
def test_the_digest_sees_names_types_shapes_and_bytes(other: dict[str, Tensor]) -> None:
    assert tensors_digest(other) != tensors_digest(TENSORS)


def test_the_digest_is_that_of_the_content_not_of_order_or_layout() -> None:
    digest = hashlib.sha256()
    digest.update(b"a|<i8|(2,)|" + TENSORS["a"].numpy().tobytes())
    digest.update(b"b|<f4|(2, 3)|" + TENSORS["b"].numpy().tobytes())
    assert tensors_digest(TENSORS) == digest.hexdigest()
    assert tensors_digest(dict(reversed(TENSORS.items()))) == digest.hexdigest()
    assert tensors_digest({**TENSORS, "b": TENSORS["b"].T.contiguous().T}) == digest.hexdigest()


def test_another_process_starts_at_the_same_bits() -> None:
    code = (
        "from faeval.bench.networks import ResidualMLP; from faeval.bench.rules import"
        " DirectFeedbackAlignment, Setup\nfrom faeval.bench.training import state,"
        " tensors_digest\nprint(tensors_digest(state(ResidualMLP(6, 8, 2, 3, 1),"
        " DirectFeedbackAlignment(Setup(8, 2, 3, 1)))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == tensors_digest(state(*pair()))
