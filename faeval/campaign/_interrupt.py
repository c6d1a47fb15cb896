"""Ctrl-C twice: the first hands out no more runs, the second stops at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def first_press(stop: Callable[[], Callable[[], None]]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl-C; the second acts as it did before.

    What ``stop`` returns is called in a thread of its own.

    Only where Ctrl-C raises KeyboardInterrupt, as Python starts out; a handler of somebody else's
    stays in charge.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def pressed(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # The handler may have interrupted a line half-written to the terminal; a thread waits for
        # its turn.
        threading.Thread(target=stop()).start()

    signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
