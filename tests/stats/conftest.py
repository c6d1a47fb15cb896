"""Tests of statistics may import ``reference``: definitions that the package does not need."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
