"""Puts the evidence of the published reports into the wheel, compressed."""

import gzip
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PublishedEvidence(BuildHookInterface):
    """Adds ``evidence.csv.gz`` of each folder named by ``reports`` in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compress the tables, the same bytes at each build."""
        if version == "editable":  # there the reports lie around the package
            return
        self._folder = tempfile.TemporaryDirectory()
        for name in self.config["reports"]:
            table = Path(self.root, "reports", name, "evidence.csv").read_bytes()
            packed = Path(self._folder.name, f"{name}.csv.gz")
            packed.write_bytes(gzip.compress(table, mtime=0))
            where = f"faeval/published/reports/{name}/evidence.csv.gz"
            build_data["force_include"][str(packed)] = where

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the compressed tables."""
        if version != "editable":
            self._folder.cleanup()
