"""Checkpoints: safetensors files with everything the network and its rule own.

No pickle is ever written or read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors, save as save_tensors
from torch import Tensor, nn

from faeval._whole_files import replace_file
from faeval.errors import FaevalError, Tampered


def state(network: nn.Module, rule: nn.Module) -> dict[str, Tensor]:
    """Return all tensors of both, on the CPU, under ``network.`` and ``rule.``."""
    parts = {"network": network.state_dict(), "rule": rule.state_dict()}
    return {
        f"{part}.{k}": v.detach().cpu().contiguous()
        for part, tensors in parts.items()
        for k, v in tensors.items()
    }


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors: names, types, shapes and bytes, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save(network: nn.Module, rule: nn.Module, path: Path) -> str:
    """Write a checkpoint by rename and return the file's SHA-256."""
    content = save_tensors(state(network, rule))
    replace_file(path, content)
    return hashlib.sha256(content).hexdigest()


def load(network: nn.Module, rule: nn.Module, path: Path, sha256: str) -> None:
    """Fill network and rule from a checkpoint, feedback included.

    Raises
    ------
    Tampered
        It is not the file that was once written.
    FaevalError
        It is missing, or holds other tensors than network and rule own, such as a feedback matrix
        of another shape.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FaevalError(
            f"checkpoint {path.name} in {path.parent.name} cannot be read ({reason}); run that arm"
            " and seed again."
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise Tampered(
            f"checkpoint {path.name} in {path.parent.name} has SHA-256 {digest[:12]}, its record"
            f" says {sha256[:12]}: it was altered or cut off. Delete that run's folder and run"
            " again."
        )
    try:
        tensors = load_tensors(content)
    except (
        SafetensorError
    ) as error:  # the hash agrees, so the record and the file are of another version
        raise Tampered(
            f"checkpoint {path.name} in {path.parent.name} is no safetensors file ({error})."
        ) from None
    modules = {"network": network, "rule": rule}
    own = {
        part: {
            k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")
        }
        for part in modules
    }
    for part, module in modules.items():  # asked of both before either is changed
        if problem := _misfit(module.state_dict(), own[part]):
            raise FaevalError(
                f"checkpoint {path.name} in {path.parent.name} does not fit the"
                f" {part} {type(module).__name__}: {problem}. Build it with the factors that it was"
                " trained with."
            )
    for part, module in modules.items():
        module.load_state_dict(own[part], strict=True)


def _misfit(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> str:
    for name in sorted({*wanted, *tensors}):
        if name not in tensors:
            return f"it holds no {name}"
        if name not in wanted:
            return f"it holds {name}, {tuple(tensors[name].shape)}, which is unknown here"
        if tensors[name].shape != wanted[name].shape:
            return (
                f"{name} is {tuple(tensors[name].shape)} in it and {tuple(wanted[name].shape)} here"
            )
    return ""
