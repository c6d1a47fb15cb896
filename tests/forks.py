"""A process that has loaded modules once, and forks for each call: ``python forks.py MODULE ...``.

Most of what a command takes is the start of Python and of pandas. A fork is a process like any
other: its own working directory, environment, descriptors, exit code and end. Each line on stdin
is a call, as JSON; two lines on stdout say the process that runs it, and its exit code.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import runpy
import sys
import threading
from typing import Any


def next_call() -> Any:
    """Return a call, in the process that is to run it; None where no more will come."""
    gc.freeze()  # what is shared stays shared: no collection touches it
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def run(call: Any) -> None:
    """Run a module as ``python -m`` does, and end this process as ``sys.exit`` does.

    Only the objects are left where they are: to free them would copy all that is shared.
    """
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    streams = (os.devnull, os.O_RDONLY), (call["out"], os.O_WRONLY), (call["err"], os.O_WRONLY)
    for descriptor, (path, flags) in enumerate(streams):
        file = os.open(path, flags)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # type: ignore[misc]  # noqa: SIM115
        2, "w", errors="backslashreplace", buffering=1, closefd=False
    )
    random.seed()
    sys.path[0] = os.getcwd()  # noqa: PTH109 - the path as text
    sys.argv[1:] = call["arguments"]
    try:
        runpy.run_module(call["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        importlib.import_module(name)
    if (request := next_call()) is not None:
        run(request)
