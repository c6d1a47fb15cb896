"""Tests of statistics may import ``reference``: definitions and rivals that the package needs not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
