"""What a metric has no business to change in the process that it runs in."""

from __future__ import annotations

import gc
import os
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Process:
    """The settings of the process that a metric has no business to change.

    Others' numbers or output depend on them.
    """

    settings: dict[str, Any]

    @classmethod
    def now(cls) -> Process:
        return cls(
            {
                "torch's default type": torch.get_default_dtype(),
                "torch's default device": torch.get_default_device(),
                "torch's gradient mode": torch.is_grad_enabled(),
                "torch's number of threads": torch.get_num_threads(),
                "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
                "torch's precision of products": torch.get_float32_matmul_precision(),
                "torch's anomaly mode": torch.is_anomaly_enabled(),
                "NumPy's handling of errors": np.geterr(),
                "NumPy's print options": np.get_printoptions(),
                "the environment": dict(os.environ),
                "the filters of warnings": list(warnings.filters),
                "the garbage collector": gc.isenabled(),
            }
        )

    def changed(self) -> str | None:
        """Return the first that is not as it was."""
        now = Process.now().settings
        return next((name for name, value in self.settings.items() if now[name] != value), None)

    def restore(self) -> None:
        settings = self.settings
        torch.set_default_dtype(settings["torch's default type"])
        if torch.get_default_device() != settings["torch's default device"]:
            torch.set_default_device(settings["torch's default device"])
        torch.set_grad_enabled(settings["torch's gradient mode"])
        if torch.get_num_threads() != settings["torch's number of threads"]:
            torch.set_num_threads(settings["torch's number of threads"])
        torch.use_deterministic_algorithms(settings["torch's deterministic mode"])
        if torch.get_float32_matmul_precision() != settings["torch's precision of products"]:
            torch.set_float32_matmul_precision(settings["torch's precision of products"])
        torch.autograd.set_detect_anomaly(settings["torch's anomaly mode"])
        np.seterr(**settings["NumPy's handling of errors"])
        if np.get_printoptions() != settings["NumPy's print options"]:
            np.set_printoptions(
                **{
                    k: v
                    for k, v in settings["NumPy's print options"].items()
                    if k != "override_repr"
                }
            )
        if dict(os.environ) != settings["the environment"]:
            os.environ.clear()
            os.environ.update(settings["the environment"])
        if list(warnings.filters) != settings["the filters of warnings"]:
            warnings.filters[:] = settings["the filters of warnings"]  # type: ignore[index]
        (gc.enable if settings["the garbage collector"] else gc.disable)()
