"""What all tests share: hypothesis without a deadline, and Ctrl-C as at a terminal."""

import os
import signal

from hypothesis import settings

# Several workers of pytest-xdist share the cores: each takes one thread, before any library looks.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline for an example: the cores are shared, and a slow machine is no finding about a statistic.
settings.register_profile("faeval", deadline=None)
settings.load_profile("faeval")

# A script that starts the tests in its background makes them ignore Ctrl-C, and so would the processes that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
