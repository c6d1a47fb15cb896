"""One thread, as in a worker; every warning, not only the first; no deadline for an example, since
cores are shared.
"""

import torch
from hypothesis import settings

torch.set_num_threads(1)
torch.set_warn_always(True)
settings.register_profile("faeval", deadline=None)
settings.load_profile("faeval")
