"""Tests of statistics may import ``stats_reference``: definitions the package does not need."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
