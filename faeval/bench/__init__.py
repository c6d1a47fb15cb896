"""All that knows torch: networks, learning rules, tasks, training, audits, and our settings.

Needs the extra ``bench``: ``pip install "faeval[bench]"``.
"""

from faeval._extras import require

require("bench", "faeval.bench (our settings, networks, rules and audits)")
