"""What a report shows, in words and places: the same for every format."""

from __future__ import annotations

from faeval.reports.views._figures import side_by_side
from faeval.reports.views._overview import overview_view
from faeval.reports.views._report import view

__all__ = ["overview_view", "side_by_side", "view"]
