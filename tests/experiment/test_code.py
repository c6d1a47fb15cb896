"""The digest of a user's code: what changes it, what does not, on which Python, and what is named
as not digested.
"""

from __future__ import annotations

import builtins
import decimal
import importlib
import json
import linecache
import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from faeval.experiment import Code, Codes, code_of

#: What ``=>`` stands for in a text.
RUN = "def run(arm, seed):\n    return "
#: A claims file, script or notebook, of which only what is reached counts, begins so.
CLAIMS = "import faeval as fe\nE = fe.Experiment('e', print)\n"
ROOT = Path(__file__).parents[2]
VERSIONS = sorted(
    found[-1]
    for minor in (11, 12, 13)
    if (found := sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")))
)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Write files into a folder, import ``study`` from there anew, and return the code of its
    ``run``.
    """
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def of(text: str, folder: str = "here", **files: str) -> Code:
        place = tmp_path / folder
        for top in {
            name.partition("__in")[0] for name in ("study", *files)
        } & before:  # of another test's files
            monkeypatch.delitem(sys.modules, top)
            before.remove(top)
        for name, content in {"study": text, **files}.items():
            path = place / f"{name.replace('__in__', '/').replace('__init__', '/__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(textwrap.dedent(content).replace("=> ", RUN).encode())
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(place))
            importlib.invalidate_caches()
            return code_of(importlib.import_module("study").run)

    monkeypatch.setattr(math, "K", 0, raising=False)  # put back afterwards, whatever the files set
    monkeypatch.setattr(builtins, "K", 0, raising=False)
    monkeypatch.setenv("FAEVAL_X", "")
    with decimal.localcontext():
        yield of
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


# Each with the text X, which another one takes the place of.
REACHED = {
    "itself": "=> X",
    "a constant": "A = X\n=> A",
    "a constant in a nested function": (
        "A = X\ndef run(arm, seed):\n    def f():\n        return A\n    return f()"
    ),
    "a constant in a comprehension": "A = X\n=> [A for _ in range(3)]",
    "another function": "def f():\n    return X\n=> f()",
    "what another function calls": (
        "A = X\ndef g():\n    return A\ndef f():\n    return g()\n=> f()"
    ),
    "a cycle": "A = X\ndef f(n):\n    return g(n)\ndef g(n):\n    return f(n - 1) + A\n=> f(1)",
    "a closure": (
        "def make(a):\n    def run(arm, seed):\n        return a\n    return run\nrun = make(X)"
    ),
    "a default": "A = X\ndef run(arm, seed, a=A):\n    return a",
    "a keyword's default": "A = X\ndef run(arm, seed, *, a=A):\n    return a",
    "a partial's argument": (
        "from functools import partial\ndef f(arm, seed, a):\n    return a\nrun = partial(f, a=X)"
    ),
    "a partial's nested argument": (
        """
        from functools import partial
        def f(arm, seed, a):
            return a
        run = partial(partial(f, a={"b": [0, (X,)]}))
        """
    ),
    "a partial's function": (
        "import functools\ndef f(arm, seed, a):\n    return X\nrun = functools.partial(f, a=1)"
    ),
    "a function in a dictionary": "def f():\n    return X\nMADE = {'f': f}\n=> MADE['f']()",
    "a lambda": "f = lambda: X\n=> f()",
    "one of two lambdas in a line": "f, g = lambda: 1, lambda: X\n=> g()",
    "a method": "class A:\n    def f(self):\n        return X\n=> A().f()",
    "a class method": "class A:\n    @classmethod\n    def f(cls):\n        return X\n=> A.f()",
    "a static method": "class A:\n    @staticmethod\n    def f():\n        return X\n=> A.f()",
    "a property": "class A:\n    @property\n    def f(self):\n        return X\n=> A().f",
    "a class attribute": "A = X\nclass B:\n    a = A\n=> B.a",
    "a class attribute set later": "class B:\n    a = 0\nB.a = X\n=> B.a",
    "a base class": (
        "A = X\nclass B:\n    def f(self):\n        return A\nclass C(B):\n    pass\n=> C().f()"
    ),
    "a metaclass": (
        "class M(type):\n    def f(cls):\n        return X\nclass A(metaclass=M):\n    pass\n=>"
        " A.f()"
    ),
    "an instance": "class A:\n    def __init__(self, a):\n        self.a = a\nA1 = A(X)\n=> A1.a",
    "slots": "class A:\n    __slots__ = ('a',)\nB = A()\nB.a = X\n=> B.a",
    "a bound method": (
        "class A(list):\n    def f(self, arm, seed):\n        return self\nrun = A([X]).f"
    ),
    "a callable instance": (
        "class A:\n    def __call__(self, arm, seed):\n        return X\nrun = A()"
    ),
    "a dataclass default": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    a: int = X\n=> A()"
    ),
    "a dataclass factory": (
        """
        import dataclasses
        def make():
            return X
        @dataclasses.dataclass(frozen=True)
        class A:
            a: list = dataclasses.field(default_factory=make)
        => A()
        """
    ),
    "a named tuple": "import typing\nclass A(typing.NamedTuple):\n    a: int = X\n=> A()",
    "an enum": "import enum\nclass A(enum.Enum):\n    B = X\n=> A.B.value",
    "a member of an enum": (
        "import enum\nA = enum.Enum('A', 'B C')\nD = A(1 if X == 1.5 else 2)\n=> D"
    ),
    "a decorator": (
        """
        import functools
        A = X
        def twice(f):
            @functools.wraps(f)
            def inner(*args):
                return f(*args) * A
            return inner
        @twice
        => 1
        """
    ),
    "what is decorated": (
        """
        import functools
        def twice(f):
            @functools.wraps(f)
            def inner(*args):
                return f(*args)
            return inner
        @twice
        => X
        """
    ),
    "a decorator's argument": "def by(a):\n    return lambda f: f\n@by(X)\n=> 1",
    "what is cached": "import functools\n@functools.lru_cache\ndef f():\n    return X\n=> f()",
    "a single dispatch": (
        """
        import functools
        @functools.singledispatch
        def f(a):
            return 0
        @f.register
        def _(a: int):
            return X
        => f(1)
        """
    ),
    "a context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield X\n=> f()"
    ),
    "an attribute getter": "import operator\nf = operator.itemgetter(int(X * 10))\n=> f(arm)",
    "an attribute of a function": "def f():\n    return f.a\nf.a = X\n=> f()",
    "a set": "A = {1, X}\n=> A",
    "a fraction": "import fractions\nA = fractions.Fraction(X)\n=> A",
    "a deque": "import collections\nA = collections.deque([X])\n=> A",
    "a pattern": "import re\nA = re.compile('X')\n=> A",
    "a path": "import pathlib\nA = pathlib.Path('X')\n=> A",
    "a generator of random numbers": "import random\nA = random.Random(X)\n=> A.random()",
    "an array": "import numpy\nA = numpy.array([0, X])\n=> A",
    "an array of objects": "import numpy\nA = numpy.array([None, X], dtype=object)\n=> A",
    "a NumPy number": "import numpy\nA = numpy.float32(X)\n=> A",
    "a NumPy generator": "import numpy\nA = numpy.random.default_rng(int(10 * X))\n=> A",
    "a table": "import pandas\nA = pandas.DataFrame({'a': [X, 2.0]})\n=> A",
    "a tensor": "import torch\nA = torch.tensor([X])\n=> A",
    "weights": (
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = torch.nn.Linear(2, 1)
                torch.nn.init.constant_(self.inner.weight, X)
                torch.nn.init.zeros_(self.inner.bias)
        NET = Net()
        => NET(arm)
        """
    ),
    "a forward pass": (
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                return x * X
        NET = Net()
        @torch.no_grad()
        => NET(arm)
        """
    ),
    "another name of a module": "import math\nf = math.sin if X == 1.5 else math.cos\n=> f(1)",
    "a name asked for by its text": "A = X\n=> globals()['A']",
}

REACHED |= {
    "a name of the module itself": "import sys\nA = X\n=> sys.modules[__name__].A",
    "a name asked of the module": (
        "import operator, sys\nA, ME = X, sys.modules[__name__]\n=> operator.attrgetter('A')(ME)"
    ),
    "a class that is registered": (
        """
        import abc
        class A(abc.ABC): pass
        class B:
            a = X
        A.register(B)
        => isinstance(arm, A)
        """
    ),
    "what a weak reference holds": (
        "import weakref\nclass A:\n    a = X\nB = A()\nC = weakref.ref(B)\n=> C().a"
    ),
    "what weak references hold": (
        """
        import weakref
        class A:
            a = X
        B = A()
        C = weakref.WeakValueDictionary({'b': B})
        => C['b'].a
        """
    ),
}

#: What importing the file that ``run`` stands in sets elsewhere: nothing of it is named in ``run``.
REACHED |= {
    f"a setting: {text}": f"{text}\n=> 1"
    for text in (
        "import decimal\ndecimal.getcontext().prec = int(10 * X)",
        "import decimal as d\nS = int(10 * X)\nc = d.getcontext()\nc.prec = S",
        "import math\nmath.K = X",
        "import math\ndef mine(*a):\n    return X\nmath.K = mine",
        "import math\nsetattr(math, 'K', X)",
        "import builtins\nbuiltins.K = X",
        "from os import environ as e\ne['FAEVAL_X'] = 'X'",
        "import os\nos.environ['FAEVAL_X'] = ''\nif X == 1.5:\n    del os.environ['FAEVAL_X']",
        (
            "import warnings\nfor c in (UserWarning,):\n    warnings.simplefilter('ignore', c,"
            " int(X * 10))"
        ),
        (
            "import decimal\ntry:\n    decimal.getcontext().prec += int(X)\nexcept ValueError:\n   "
            " pass"
        ),
        "import numpy as np\nnp.seterr(divide='warn' if X else 'ignore')",
        "import numpy as np\n_ = np.seterr(divide='warn' if X else 'ignore')",
        (
            "import torch\nA = torch.float32 if X == 1.5 else"
            " torch.float32\ntorch.set_default_dtype(A)"
        ),
        "def begin(n):\n    import random\n    random.seed(n)\nbegin(X)",
        "exec('import math; math.K = X')",
    )
}

#: A file, the text of ``study`` and that of the other file, in which X stands.
BESIDE = {
    "a constant of a module": ("helper", "import helper\n=> helper.A", "A = X"),
    "a function of a module": ("helper", "from helper import f\n=> f()", "def f():\n    return X"),
    "what its function does not name": (
        "helper",
        "from helper import f\n=> f()",
        "B = X\ndef f():\n    return 1",
    ),
    "a package": ("pkg__init__", "import pkg\n=> pkg.A", "A = X"),
    "a submodule": ("pkg__in__sub", "import pkg.sub\n=> pkg.sub.A", "A = X"),
    "an import inside": (
        "helper",
        "def run(arm, seed):\n    import helper\n    return helper.A",
        "A = X",
    ),
    "an import from inside": (
        "pkg__in__sub",
        "def run(arm, seed):\n    from pkg import sub\n    return sub.A",
        "A = X",
    ),
    "an import by name": (
        "helper",
        "import importlib\n=> importlib.import_module('helper').A",
        "A = X",
    ),
    "an import in a method": (
        "helper",
        "class A:\n    def f(self):\n        import helper\n=> A().f()",
        "A = X",
    ),
    "the function itself": ("helper", "from helper import run", "A = X\n=> A"),
    "an attribute asked for by its text": (
        "helper",
        "import helper\n=> getattr(helper, 'A')",
        "A = X",
    ),
    "a module picked by a factor": (
        "pkg__in__sub",
        f"{CLAIMS}import importlib as i\n=> i.import_module(f'pkg.{{arm}}')",
        "A = X",
    ),
    "a module picked by a sum": (
        "pkg__in__sub",
        f"{CLAIMS}from importlib import import_module as f\n=> f('pkg.' + arm)",
        "A = X",
    ),
    "a module picked by a format": (
        "pkg__in__sub",
        f"{CLAIMS}=> __import__('pkg.{{}}'.format(arm))",
        "A = X",
    ),
    "a module picked by a start": (
        "helper",
        f"{CLAIMS}import importlib\n=> importlib.import_module(f'he{{arm}}')",
        "A = X",
    ),
    "a module picked by a constant": (
        "helper",
        f"{CLAIMS}import importlib as i\nN = 'helper'\n=> i.import_module(N)",
        "A = X",
    ),
    "a module picked relatively": (
        "pkg__in__sub",
        f"{CLAIMS}import importlib as i\n=> i.import_module('.' + arm, 'pkg')",
        "A = X",
    ),
    "a module that is loaded": (
        "helper",
        f"{CLAIMS}import helper as _, sys\n_ = 1\n=> sys.modules['helper'].A",
        "A = X",
    ),
    "an import for its effect": ("helper", f"{CLAIMS}import helper\n=> 1", "A = X"),
    "an import for its effect of a name": (
        "helper",
        f"{CLAIMS}from helper import A\n=> 1",
        "A = X",
    ),
    "what a module used elsewhere sets": (
        "helper",
        f"{CLAIMS}import helper\nB = helper\n=> 1",
        "import math\nmath.K = X",
    ),
}


@pytest.mark.parametrize("name", REACHED)
def test_what_is_reached_counts(load: Callable[..., Code], name: str) -> None:
    text = textwrap.dedent(REACHED[name])
    one, same, other = (load(f"{CLAIMS}{text}".replace("X", x)) for x in ("1.5", "1.5", "2.5"))
    assert one == same
    assert one.sha256 != other.sha256
    assert one.parts != other.parts
    assert one.undigested == ()


@pytest.mark.parametrize("name", ["a dataclass default", "a named tuple"])
def test_what_a_library_makes_is_no_text_of_python_c(
    load: Callable[..., Code], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 3.13 on Python keeps that text as "<string>", which generated code is called, too."""
    text = f"{CLAIMS}{textwrap.dedent(REACHED[name])}".replace("X", "1.5")
    before = load(text)
    kept = "import faeval\nfaeval.verify('claims.py')\n"
    lines = kept.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, "<string>", (len(kept), None, lines, "<string>"))
    assert load(text) == before


@pytest.mark.parametrize("name", BESIDE)
def test_a_module_of_the_users_counts_as_a_whole(load: Callable[..., Code], name: str) -> None:
    file, text, beside = BESIDE[name]
    more = {"pkg__init__": ""} if file == "pkg__in__sub" else {}
    one, same, other = (
        load(text, **more, **{file: beside.replace("X", x)}) for x in ("1.5", "1.5", "2.5")
    )
    assert one == same
    assert one.sha256 != other.sha256
    assert one.undigested == ()


def test_a_module_counts_with_what_it_imports_and_relative_imports_are_followed(
    load: Callable[..., Code],
) -> None:
    def of(x: str) -> Code:
        return load(
            "from pkg.sub import f\n=> f()",
            pkg__init__="",
            pkg__in__sub="from . import other\nfrom .deep import last\ndef f():\n    return 1",
            pkg__in__other="import beside",
            pkg__in__deep="last = 1",
            beside=f"A = {x}",
        )

    assert of("1").sha256 != of("2").sha256
    assert {"pkg/sub.py", "pkg/other.py", "pkg/__init__.py", "beside.py", "pkg/deep.py"} <= set(
        of("1").parts
    )


def test_a_module_changed_from_outside_is_another(load: Callable[..., Code]) -> None:
    text = f"{CLAIMS}import helper\nhelper.A = {{}}\n=> helper.f()"
    one, other = (load(text.format(x), helper="A = 0\ndef f():\n    return A") for x in (1, 2))
    assert {n for n in one.parts if one.parts[n] != other.parts[n]} == {"helper.py:A"}


BASE = '''
import faeval as fe
A = {"a": {1, "b", "c", "d"}, "e": 0.1}
def helper(x):
    """What it does."""
    return x * A["e"]
def run(arm, seed):
    # a remark
    return {"score": helper(f"{seed!r:>3}")}
def other():
    return 1
toy = fe.Experiment("toy", run, metrics=["score"])
more = fe.exceeds(fe.metric("score", fe.Arm(a=1)), fe.metric("score", fe.Arm()), by=fe.Margin(1, "x"))
claim = fe.Claim("One sentence", more, attributed_to="a")
'''  # noqa: E501


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a remark\n", "# another remark, of two\n    # lines\n"),
        ('"""What it does."""\n', '"""What it\n\n    really does."""\n    "and more"\n'),
        ('"""What it does."""\n    ', ""),
        ("def run", "\n\n\ndef run"),
        ("return x * A", "return (\n        x *\n        A"),
        ("One sentence", "Another sentence"),
        ("Margin(1,", "Margin(2,"),
        ("def other():\n    return 1", "def other():\n    return 2\ndef third():\n    pass"),
        ("def other():\n    return 1\n", ""),
        ("import faeval as fe\n", "import faeval as fe\nimport zipfile, wsgiref.util\n"),
        (
            "import faeval as fe\n",
            "import faeval as fe\nimport sys\nsys.path.insert(0, 'x')\nsys.path += ['y']\n",
        ),
        (
            "import faeval as fe\n",
            "import faeval as fe\nimport os\nA2 = os.getpid()\nA3 = {}\nA3['x'] = A2\nprint(A3)\n",
        ),
        ("toy =", "import math\nif __name__ == '__main__':\n    math.K = 1\ntoy ="),
        (
            'to="a")',
            (
                'to="a")\nimport math\nreport = claim\nprint(math.fsum([report is'
                " None]))\nmath.fsum([report is None])"
            ),
        ),
        ("\n", "\r\n"),
        ('{"score"', "{'score'"),
        ("    return", "        return"),
        ("0.1", "1e-1"),
        ('{1, "b", "c", "d"}', '{"d", "c", 1, "b"}'),
        ('metrics=["score"]', 'metrics={"score": (0, 1)}, factors={"a": 0}'),
    ],
)
def test_what_changes_no_number_changes_nothing(
    load: Callable[..., Code], old: str, new: str
) -> None:
    other = BASE.replace(old, new)
    if new == ")" or old == "return x * A":
        other = other.replace('["e"]\ndef run', '["e"]\n    )\ndef run')
    if old == "    return":
        other = (
            other.replace("        return 1", "    return 1")
            .replace("    # a", "        # a")
            .replace('    """', '        """')
        )
    assert other != BASE
    assert load(other, folder="elsewhere") == load(BASE)


def test_a_notebook_counts_what_its_cells_set() -> None:
    def of(*cells: str) -> Code:
        content: dict[str, Any] = {"__name__": "__main__", "In": ["", "%not python", *cells]}
        for number, cell in enumerate(cells):
            linecache.cache[f"<cell {number}>"] = len(cell), None, cell.splitlines(True), ""
            exec(compile(cell, f"<cell {number}>", "exec"), content)
        return code_of(content["run"])

    run = "def run(arm, seed):\n    return 1\n"
    one = of("import math", "math.K = 1", run, "print(math.pi)")
    assert one == of("import math", "math.K = 1", run, "x = math.pi\nx")
    assert one.sha256 != of("import math", "math.K = 2", run, "print(math.pi)").sha256


def test_code_whose_kept_text_is_no_python_counts_all_the_same() -> None:
    def of(result: int) -> Code:
        cell = (
            "import enum\nclass Kind(enum.Enum):\n    ONE = 1\n"
            f"    def size(self):\n        return {result}\n"
            "def run(arm, seed):\n    return Kind.ONE.size()\n"
        )
        linecache.cache["<odd>"] = len(cell), None, ["%not python\n"], ""
        content: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(cell, "<odd>", "exec"), content)
        return code_of(content["run"])

    assert of(1) == of(1)
    assert of(1).sha256 != of(2).sha256


def test_the_order_of_functions_changes_nothing(load: Callable[..., Code]) -> None:
    first, second = "def helper(x):\n    return x * A\n", "=> helper(seed)\n"
    head = f"{CLAIMS}A = 3\n"
    assert load(head + first + second) == load(head + second + first)


def test_paths_below_the_file_say_nothing_of_where_it_lies(load: Callable[..., Code]) -> None:
    text = (
        "import os\nfrom pathlib import Path\nA = Path(__file__).parent / 'no.csv',"
        " os.path.dirname(__file__)\n=> A, __file__"
    )
    assert load(text) == load(text, folder="elsewhere")
    assert load(text).sha256 != load(text.replace("no.csv", "yes.csv")).sha256


STATE = """
import faeval as fe
E = fe.Experiment("e", print)
START = X
def begin():
    return [START]
SEEN, COUNT, RATES = begin(), X, {"a": X}
def make():
    tries = {"a": X}
    def run(arm, seed):
        global COUNT
        SEEN.append(seed)
        RATES[seed] = tries[seed] = 1
        COUNT += 1
    return run
run = make()
"""


def test_what_a_run_changes_counts_as_what_it_starts_from(load: Callable[..., Code]) -> None:
    for x in range(STATE.count("X")):
        pieces = STATE.split("X")
        one, other = (
            "1".join(pieces[: x + 1]) + value + "1".join(pieces[x + 1 :]) for value in "12"
        )
        found = load(one)
        run = sys.modules["study"].run
        run({}, 1)
        assert code_of(run) == found
        assert load(other).sha256 != found.sha256


def test_what_a_run_changes_unseen_is_looked_at_once(load: Callable[..., Code]) -> None:
    load("import random\nDRAW = random.Random(1)\n=> DRAW.random()")
    run, codes = sys.modules["study"].run, Codes()
    before = codes.of(run)
    run({}, 1)
    assert codes.of(run) is before
    assert code_of(run) != before


def test_installed_packages_and_faeval_are_not_digested() -> None:
    assert not code_of(json.dumps)
    assert not code_of("faeval.bench.settings:train")
    assert not code_of("json:dumps")
    assert not code_of(pytest.fixture)


def test_a_path_is_followed_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    codes = []
    for x in "112":
        (tmp_path / "never_imported.py").write_text(f"raise SystemError({x})\n")
        codes.append(code_of("never_imported:run"))
    assert codes[0] == codes[1] != codes[2]
    assert set(codes[0].parts) == {"never_imported.py"}
    assert "never_imported" not in sys.modules


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("import threading\nA = threading.Lock()\n=> A", "lock"),
        ("import sys\nA = sys.__stderr__\n=> A", "TextIOWrapper"),
        ("A = (i for i in range(3))\n=> A", "generator"),
        ("=> open('data').read()", "open"),
        ("import numpy as np\n=> np.loadtxt(arm)", "loadtxt"),
        ("import os\n=> os.environ['A']", "environ"),
        ("import subprocess\n=> subprocess.run(['ls'])", "subprocess"),
        ("=> arm.go('data.csv')", "data.csv"),
        ("from os import getenv as g\n=> g('A')", "getenv"),
        ("from os import environ as E\n=> dict(E)", "environ"),
        ("import os as o\n=> o.environb[b'A']", "environb"),
        ("import os\n=> os.path.expandvars(arm)", "expandvars"),
        ("import os\n=> os.listdir(arm)", "listdir"),
        ("from os import walk as w\n=> w(arm)", "os.walk"),
        ("from glob import glob as g\n=> g(arm)", "glob"),
        ("import sys\n=> sys.argv", "sys.argv"),
        ("import os\n=> os.getcwd()", "getcwd"),
        ("import importlib\n=> importlib.import_module(arm)", "import_module"),
        ("N = 'json'\ndef run(arm, seed):\n    N = arm\n    __import__(N)", "__import__"),
        ("import importlib\n=> importlib.import_module(f'gone.{arm}')", "import_module"),
        ("import runpy\n=> runpy.run_path(arm)", "run_path"),
        ("import pkgutil\n=> pkgutil.resolve_name(arm)", "resolve_name"),
        ("from pydoc import locate\n=> locate(arm)", "pydoc.locate"),
        (
            "import importlib.util as u\n=> u.spec_from_file_location(arm, arm)",
            "spec_from_file_location",
        ),
        ("import sys\n=> sys._getframe()", "_getframe"),
        ("import inspect\n=> inspect.stack()", "inspect.stack"),
        ("def f(): pass\n=> f.__globals__", "__globals__"),
        ("import sys\n=> sys.modules[arm]", "sys.modules"),
        ("import sys\n=> sys.modules.get('x')", "sys.modules"),
        ("class A: pass\n=> A.__subclasses__()", "__subclasses__"),
        ("import random, os\nrandom.seed(len(os.getcwd()))\n=> 1", "getcwd"),
        (
            "def run(arm, seed):\n    import beside\n    return beside.f()",
            "beside.py (the environment: getenv)",
        ),
        (
            "import importlib\n=> importlib.import_module(f'besid{arm}')",
            "beside.py (the environment: getenv)",
        ),
        ("def run(arm, seed):\n    import beside\n    return beside.f()", "data.csv"),
        ("exec('def run(arm, seed):\\n    return A')\nA = X", "source is not there"),
        ("import fast\n=> fast.f()", "fast"),
    ],
)
def test_what_cannot_be_digested_is_named(
    load: Callable[..., Code], tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "data.csv").write_text("1")
    beside = (
        "import os\nD = 'data.csv'\nclass A:\n    def f(self):\n        return os.getenv('A')\n"
    )
    if "fast" in text:
        text = "def run(arm, seed):\n    import fast\n    return fast.f()"
        (tmp_path / "here" / f"fast{importlib.machinery.EXTENSION_SUFFIXES[0]}").write_bytes(b"\0")
    found = load(CLAIMS + text.replace("X", "1"), beside=beside)
    assert any(named in name for name in found.undigested)
    assert str(tmp_path) not in json.dumps([*found.parts, *found.undigested])
    if "A = X" in text:
        assert found.sha256 != load(CLAIMS + text.replace("X", "2")).sha256


def test_what_only_looks_like_that_is_not_named(load: Callable[..., Code]) -> None:
    text = """
        import os
        import numpy as np
        from other import glob
        def getenv(name):
            return 1
        class A:
            def walk(self):
                return np.stack([1])
        def run(arm, seed, argv=1):
            listdir = os.environ["FAEVAL_X"] = "1"
            import sys
            sys.modules["x"] = None
            return getenv(listdir), A().walk(), glob(argv)
        """
    assert (
        load(CLAIMS + textwrap.dedent(text), other="def glob(x):\n    return 1\n").undigested == ()
    )


TOUR = """
import abc, collections, contextlib, dataclasses, enum, functools, math, operator, pathlib, random, re, typing
from random import gauss
import helper
HERE = pathlib.Path(__file__).parent
DATA = {"a": [1, 2.0, (3,)], "b": {1, 2}, "c": {"x", "y", "z"}, "p": HERE / "no.txt", "e": b"\\x00", "big": 10**5000}
FS = [lambda x: x + 1, lambda x: x * DATA["a"][0]]
P = collections.namedtuple("P", "x y")
T = typing.TypeVar("T")
PAT, RNG = re.compile(r"a+"), random.Random(3)
DD = collections.defaultdict(list, {"q": [1]})
class Q(typing.NamedTuple):
    a: int = 3
class Proto(typing.Protocol):
    def go(self) -> int: ...
class Base(abc.ABC):
    rate = 0.5
    @abc.abstractmethod
    def go(self): ...
    @property
    def twice(self): return self.rate * 2
    @functools.cached_property
    def once(self): return 1
class Child(Base, typing.Generic[T]):
    def __init__(self): self.z = 3; self.w = {1: self}
    def go(self): return super().go()
class Color(enum.Enum):
    RED = enum.auto()
    BLUE = 5
    def up(self): return self.value
class Flags(enum.IntFlag):
    A = 1; B = 2
E2 = enum.Enum("E2", "X Y")
@dataclasses.dataclass(order=True)
class Cfg:
    lr: float = 0.1
    xs: list = dataclasses.field(default_factory=lambda: [DATA])
@dataclasses.dataclass(slots=True, frozen=True)
class Slotted:
    a: int = 1
@functools.singledispatch
def sd(x): return 1
@sd.register
def _(x: int): return 2
@contextlib.contextmanager
def cm():
    yield 3
@functools.total_ordering
class TO:
    def __lt__(self, o): return True
    def __eq__(self, o): return True
INST, COL, FLA, CFG, SL = Child(), Color.RED, Flags.A | Flags.B, Cfg(), Slotted()
def make(slope):
    def run(arm, seed, *, q=(1, DATA)):
        import helper as hh
        match arm:
            case {"a": [1, *_]} | {"b": None}: return {"v": 1}
            case Cfg(lr=0.1) as z if (w := 3): pass
        try: ...
        except* ValueError as e: raise
        xs = [(i, gauss) for i in range(3) if (lambda k: k + slope)(i)]
        async def aa():
            async with cm() as y: return [x async for x in y]
        return (slope, FS, P(1, 2), Q, Proto, PAT, RNG, DD, E2.X, sd(1), cm, TO, helper.f(1), INST, COL, FLA, CFG, SL, HERE,
                f"{seed!r:>{q}} {{z}} {slope = } {q:.2f}" "tail" f"{q:}" f"{q:{{}}}", -1.5e-3, 1_000j, "é")
    return run
for K in (1, 2):
    try:
        with contextlib.suppress(ValueError) as none: math.K = lambda x, /: f"{x!r:>{K}}" "é"
    except* (KeyError, OSError): pass
    match K:
        case [1, *_] | {"a": None}: random.seed(K)
        case _: random.seed(-1.5e-3)
run = functools.partial(make(0.1), slope=operator.attrgetter("a"))
"""  # noqa: E501


def test_it_is_the_same_on_every_python_in_every_process_and_folder(tmp_path: Path) -> None:
    script = f"""
        import json, sys, types
        for name in ("faeval", "faeval.experiment"):
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__path__ = [{str(ROOT)!r} + "/" + name.replace(".", "/")]
        from faeval.experiment._code import code_of
        import study
        for study.__name__ in ("study", "__main__"):  # which counts as a whole, and which by what is reached
            code = code_of(study.run)
            print(json.dumps([code.sha256, sorted(code.parts.items()), code.undigested]))
        assert not {{"numpy", "torch"}} & set(sys.modules)
    """  # noqa: E501
    found = set()
    for number, python in enumerate([Path(sys.executable), *VERSIONS]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "study.py").write_text(TOUR)
        (folder / "helper.py").write_text(
            '"""Doc."""\nimport os\ndef f(x, *, y: int = 3) -> float:\n    return x\n'
        )
        (folder / "go.py").write_text(textwrap.dedent(script))
        settings = {**os.environ, "PYTHONHASHSEED": str(number), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [python, "go.py"], cwd=folder, env=settings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
    for text in found.pop().splitlines():
        sha256, parts, undigested = json.loads(text)
        assert len(sha256) == 64
        assert len(parts) > 40
        assert undigested == []
    assert {"study.py:math.K", "study.py:random.seed"} <= set(dict(parts))


SETS = st.frozensets(st.integers() | st.text())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | SETS
    ),
    max_leaves=8,
)


def code_with(value: Any) -> Code:
    """Return the code of a function of no file that is called with a value."""
    scope: dict[str, Any] = {"__name__": "of_no_file"}
    exec("def run(value, arm, seed):\n    return value\n", scope)
    return code_of(partial(scope["run"], value))


@given(VALUES, VALUES)
def test_two_values_share_a_text_exactly_where_they_are_the_same(one: Any, other: Any) -> None:
    same = code_with(one).sha256 == code_with(other).sha256
    assert same == (_spelt(one) == _spelt(other))


def _spelt(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"frozenset{sorted(map(repr, value))}"
    if isinstance(value, dict):
        return f"dict{[(key, _spelt(inner)) for key, inner in value.items()]}"
    return (
        f"{type(value)}{list(map(_spelt, value))}"
        if isinstance(value, list | tuple)
        else repr(value)
    )


def test_a_value_may_hold_itself_and_be_nested_deeply() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    assert code_with(circle) == code_with(circle) != code_with([1, [1]])
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert any("deep" in name for name in code_with(deep).undigested)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "x + 1",
        "{x: [y for y in z]}",
        "lambda a, *b, c=1, **d: a",
        "f'{x!r:>{y}}'",
        "x if y else z",
    ],
)
def test_blanks_and_brackets_say_nothing(load: Callable[..., Code], text: str) -> None:
    plain = load(f"def run(arm, seed):\n    return {text}\n")
    assert load(f"def run(arm, seed):\n    return (\n  {text} # so\n)\n\n") == plain
    assert load(f"def run(arm, seed):\n    return -({text})\n") != plain


def test_a_long_chain_of_functions_is_followed_to_its_end(load: Callable[..., Code]) -> None:
    text = (
        "\n".join(f"def f{i}(x):\n    return f{i + 1}(x) * {i}" for i in range(300))
        + "\nf300 = abs\nrun = f0\n"
    )
    assert len(load(text).parts) == 302
