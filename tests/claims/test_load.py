"""Claims files: named by file and variable, and every error by file and line."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import faeval as fe
from faeval.claims import load
from faeval.errors import ClaimsFileError
from faeval.experiment import code_of

HEAD = """
    import faeval as fe
    a, b = fe.Arm("a"), fe.Arm("b")
    more = fe.exceeds(fe.metric("x", a), fe.metric("x", b), by=fe.Margin(0.1, "r"))
"""


def write(path: Path, body: str, head: str = HEAD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(head) + dedent(body), encoding="utf-8")
    return path


def message(*paths: Path) -> str:
    with pytest.raises(ClaimsFileError) as error:
        load(paths)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_claim_is_named_by_its_file_and_variable_and_belongs_to_the_family_of_its_file(
    tmp_path: Path,
) -> None:
    file = write(
        tmp_path / "depth.py",
        """
        second = fe.Claim("two", more)

        first = fe.Claim(
            "one",
            more,
            family="apart",
        )
        """,
    )
    two, one = load([file])
    assert [c.id for c in (two, one)] == ["depth::second", "depth::first"]
    assert [c.family for c in (two, one)] == ["depth", "apart"]
    assert [c.line for c in (two, one)] == [6, 8]
    assert two.sentence == "two"
    assert load(file) == load(str(file)) == load([tmp_path]) == [two, one]


def test_a_folder_is_read_in_order_of_name_without_private_files_and_each_file_once(
    tmp_path: Path,
) -> None:
    write(tmp_path / "b.py", "one = fe.Claim('b', more)")
    write(tmp_path / "a.py", "one = fe.Claim('a', more)")
    write(tmp_path / "_c.py", "one = fe.Claim('c', more)")
    (tmp_path / "notes.txt").write_text("no claims")
    assert [c.id for c in load([tmp_path / "b.py", tmp_path, tmp_path / "a.py"])] == [
        "b::one",
        "a::one",
    ]
    assert load([]) == []


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    assert re.search(r"nowhere\.py'?: no such file", message(tmp_path / "nowhere.py"))


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        ("x = (\n", 1, "never closed"),
        ("x = 1\ny = = 2\n", 2, "invalid syntax"),
        ("x = 1\n\nreturn 5\n", 3, "'return' outside function"),
        ("x = 1\nraise ValueError('no')\n", 2, "ValueError: no"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("\nimport no_such_module_at_all\n", 2, "no_such_module_at_all"),
        ("import faeval as fe\n\nm = fe.Margin(0.1)\n", 3, "because=''"),
        ("import faeval as fe\n\nfe.Nothing\n", 3, "Nothing"),
    ],
)
def test_an_error_in_a_file_is_one_line_with_file_and_line(
    tmp_path: Path, body: str, line: int, told: str
) -> None:
    file = write(tmp_path / "wrong.py", body, head="")
    text = message(file)
    assert text.startswith(f"{file}:{line}: ")
    assert told in text


def test_what_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    latin = tmp_path / "latin.py"
    latin.write_bytes("x = 'größe'".encode("latin-1"))
    assert "latin.py" in message(latin)
    assert "UTF-8" in message(latin)
    null = tmp_path / "null.py"
    null.write_bytes(b"x = 1\x00")
    assert "null.py" in message(null)


def test_a_byte_order_mark_is_no_syntax_error(tmp_path: Path) -> None:
    file = tmp_path / "marked.py"
    file.write_bytes(b"\xef\xbb\xbf" + dedent(HEAD + "    one = fe.Claim('one', more)\n").encode())
    assert [c.id for c in load([file])] == ["marked::one"]


def test_two_claims_of_one_name_are_refused_with_both_lines(tmp_path: Path) -> None:
    file = write(tmp_path / "twice.py", "one = fe.Claim('1', more)\n\none = fe.Claim('2', more)\n")
    text = message(file)
    assert text.startswith(f"{file}:7: ")
    assert "'one'" in text
    assert "line 5" in text
    hidden = write(tmp_path / "hidden.py", "one = fe.Claim('1', more)\none = 5\n")
    assert "line 5" in message(hidden)


def test_other_names_may_be_given_twice(tmp_path: Path) -> None:
    file = write(tmp_path / "fine.py", "n = 5\nn = 6\none = fe.Claim('1', more, seeds=n)\n")
    assert load([file])[0].planned("x") == (1, 2, 3, 4, 5, 6)


def test_two_files_of_one_name_are_refused_where_their_claims_collide(tmp_path: Path) -> None:
    first = write(tmp_path / "one" / "same.py", "it = fe.Claim('1', more)")
    second = write(tmp_path / "two" / "same.py", "it = fe.Claim('2', more)")
    assert "'same::it'" in message(first, second)
    other = write(tmp_path / "three" / "same.py", "other = fe.Claim('3', more)")
    assert [c.id for c in load([first, other])] == ["same::it", "same::other"]


def test_no_claim_of_a_module_is_lost(tmp_path: Path) -> None:
    # A claim that is silently not read is one that nobody verifies.
    file = write(
        tmp_path / "all.py",
        """
        one, two = fe.Claim("1", more), fe.Claim("2", more)
        if True:
            three = fe.Claim("3", more)
        else:
            three = fe.Claim("4", more)
        globals()["five"] = fe.Claim("5", more)
        try:
            six: fe.Claim = fe.Claim("6", more)
        finally:
            seven = fe.Claim("7", more)
        with open(__file__):
            eight = again = fe.Claim("8", more)
        """,
    )
    assert {c.id.partition("::")[2]: c.sentence for c in load([file])} == {
        "one": "1",
        "two": "2",
        "three": "3",
        "five": "5",
        "six": "6",
        "seven": "7",
        "eight": "8",
    }


def test_claims_imported_from_elsewhere_are_not_the_files_own(tmp_path: Path) -> None:
    write(tmp_path / "_shared.py", "theirs = fe.Claim('theirs', more)")
    file = write(
        tmp_path / "mine.py",
        "from _shared import theirs\ndef f():\n    theirs = 1\nmine = fe.Claim('mine', more)\n",
    )
    assert [c.id for c in load([file])] == ["mine::mine"]


def test_a_helper_beside_the_file_can_be_imported_and_the_path_is_left_as_it_was(
    tmp_path: Path,
) -> None:
    before = list(sys.path)
    write(tmp_path / "_arms_of_mine.py", "best = fe.Arm('best')")
    file = write(
        tmp_path / "uses.py",
        "from _arms_of_mine import best\none = fe.Claim('1', fe.exceeds(fe.metric('x', best),"
        " by=fe.Margin(1, 'r')))\n",
    )
    assert load([file])[0].arms() == (fe.Arm("best"),)
    assert sys.path == before
    with pytest.raises(ClaimsFileError):
        load([write(tmp_path / "bad.py", "1 / 0", head="")])
    assert sys.path == before


def test_each_folder_has_its_own_helper_of_one_name(tmp_path: Path) -> None:
    files = []
    for name in ("left", "right"):
        write(tmp_path / name / "_helper_of_folder.py", f"arm = fe.Arm('{name}')")
        body = (
            "from _helper_of_folder import arm\nit = fe.Claim('x', fe.exceeds(fe.metric('x', arm),"
            " by=fe.Margin(1, 'r')))\n"
        )
        files.append(write(tmp_path / name / f"of_{name}.py", body))
    assert [c.arms()[0].label for c in load(files)] == ["left", "right"]


def test_a_files_own_experiment_is_the_default_of_its_claims(tmp_path: Path) -> None:
    brings = """
        def run(arm, seed):
            return {"x": seed}

        toy = fe.Experiment("toy", run, factors={"rule": "a"}, metrics=["x"])
        one = fe.Claim("1", more)
    """
    (own,) = load([write(tmp_path / "own.py", brings)])
    assert own.experiment is not None
    assert own.experiment.name == "toy"
    assert own == own.named(experiment=None)
    (none,) = load([write(tmp_path / "none.py", "one = fe.Claim('1', more)")])
    assert none.experiment is None
    second = "    more_toys = fe.Experiment('other', run)\n"
    told = message(write(tmp_path / "two.py", brings + second))
    assert re.search(r"two\.py:11: .*\b2 experiments .*'toy', 'other'", told)
    again = "    same = toy\n"
    assert load([write(tmp_path / "same.py", brings + again)])[0].experiment is not None


def test_a_gate_of_the_same_file_carries_its_name(tmp_path: Path) -> None:
    file = write(
        tmp_path / "gates.py",
        "gate = fe.Claim('g', more)\none = fe.Claim('1', more, requires=gate)\n",
    )
    gate, one = load([file])
    assert one.requires == (gate,)
    assert one.canonical()["requires"] == ["gates::gate"]


def test_a_claim_under_two_names_is_one_claim(tmp_path: Path) -> None:
    file = write(tmp_path / "alias.py", "one = fe.Claim('1', more)\nsame = one\n")
    assert [c.id for c in load([file])] == ["alias::one"]


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        ("fe.Claim('1', more)\n", 5, "no name"),
        ("if True:\n    fe.Claim('1', more)\n", 6, "no name"),
        ("many = [fe.Claim('1', more), fe.Claim('2', more)]\n", 5, "'many' holds the claim '1'"),
        (
            "one = fe.Claim('1', more)\nmany = {'a': one, 'b': fe.Claim('2', more)}\n",
            6,
            "'many' holds the claim '2'",
        ),
        (
            "def make():\n    return fe.Claim('1', more)\nmany = tuple(make() for _ in range(3))\n",
            7,
            "'many' holds",
        ),
        ("for word in 'ab':\n    one = fe.Claim(word, more)\n", 6, "in a loop"),
        ("while True:\n    one = fe.Claim('1', more)\n    break\n", 6, "in a loop"),
    ],
)
def test_a_claim_that_would_not_be_verified_is_refused(
    tmp_path: Path, body: str, line: int, told: str
) -> None:
    text = message(file := write(tmp_path / "lost.py", body))
    assert text.startswith(f"{file}:{line}: ")
    assert told in text


def test_claims_may_be_listed_again_and_be_made_by_a_function(tmp_path: Path) -> None:
    write(tmp_path / "_theirs.py", "theirs = fe.Claim('theirs', more)")
    body = """
        from _theirs import theirs
        def make(word):
            return fe.Claim(word, more)
        one, two = make("1"), make("2")
        gates = [one, two, theirs]
        three = fe.Claim("3", more, requires=gates)
    """
    assert [c.sentence for c in load([write(tmp_path / "all.py", body)])] == ["1", "2", "3"]


def test_a_gate_of_another_file_has_the_name_that_it_has_there_whichever_files_are_loaded(
    tmp_path: Path,
) -> None:
    base = write(
        tmp_path / "base_of_gates.py",
        "zero = fe.Claim('0', more)\ngate = fe.Claim('g', more, requires=zero)\n",
    )
    top = write(
        tmp_path / "top.py",
        "from base_of_gates import gate\none = fe.Claim('1', more, requires=gate, family='f')\n",
    )
    (alone,) = load(top)
    zero, gate, one = load(tmp_path)
    assert alone.sha256() == one.sha256()
    assert alone.canonical()["requires"] == ["base_of_gates::gate"]
    assert one.requires == (gate,)
    assert one.requires[0] is gate
    assert gate.requires[0] is zero
    assert alone.requires[0].family == "base_of_gates"
    assert alone.requires[0].sha256() == gate.sha256()
    assert load([top, base])[0].requires[0].id == "base_of_gates::gate"


def test_looking_for_the_home_of_a_claim_asks_nothing_of_what_other_modules_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Touchy:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            raise AssertionError("asked")

    monkeypatch.setattr(sys.modules[__name__], "TOUCHY", Touchy(), raising=False)
    assert (
        len(
            load(
                [
                    write(
                        tmp_path / "calm.py",
                        "one = fe.Claim('1', more, requires=fe.Claim('inner', more))",
                    )
                ]
            )
        )
        == 1
    )


def test_a_gate_made_in_place_is_one_claim_of_no_file(tmp_path: Path) -> None:
    (one,) = load(
        [write(tmp_path / "g.py", "one = fe.Claim('1', more, requires=fe.Claim('inner', more))")]
    )
    assert [g.name for g in one.requires] == ["inner"]
    write(tmp_path / "_gates.py", "GATES = [fe.Claim('shared', more)]")
    body = (
        "from _gates import GATES\none = fe.Claim('1', more, requires=GATES)\ntwo = fe.Claim('2',"
        " more, requires=GATES)\n"
    )
    one, two = load([write(tmp_path / "h.py", body)])
    assert one.requires[0] is two.requires[0]


TOY = """
    def run(arm, seed):
        return {"x": seed}

    toy = fe.Experiment("toy", run, factors={"rule": "a", "dose": 0}, metrics={"x": (0, 1)})
"""


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        (
            "one = fe.Claim('1', more, attributed_to='doze')",
            10,
            "attributed_to='doze' is no factor here",
        ),
        (
            (
                "a = fe.metric('y', fe.Arm())\n    one = fe.Claim('1', fe.exceeds(a,"
                " by=fe.Margin(1, 'r')))"
            ),
            11,
            "no metric 'y'",
        ),
        (
            (
                "a = fe.metric('x', fe.Arm(doze=1))\n    one = fe.Claim('1', fe.exceeds(a,"
                " by=fe.Margin(1, 'r')))"
            ),
            11,
            "'doze'",
        ),
        (
            "one = fe.Claim('1', more, expect={'tay': 'supported'})",
            10,
            "expect names the setting 'tay'",
        ),
        ("one = fe.Claim('1', more, seeds={'tay': 3})", 10, "seeds names the setting 'tay'"),
        (
            "one = fe.Claim('1', more, seeds={'tay': 2}, looks={'tay': (2,)})",
            10,
            "the setting 'tay'",
        ),
    ],
)
def test_what_the_files_experiment_lacks_is_said_at_the_claims_line(
    tmp_path: Path, body: str, line: int, told: str
) -> None:
    text = message(file := write(tmp_path / "strange.py", f"{TOY}    {body}\n"))
    assert text.startswith(f"{file}:{line}: ")
    assert told in text
    assert load(
        [
            write(
                tmp_path / "good.py",
                f"{TOY}    one = fe.Claim('1', more, expect={{'toy': 'any', 'digits': 'any'}})\n",
            )
        ]
    )


def test_members_of_a_family_that_differ_in_alpha_are_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.py", "one = fe.Claim('1', more, family='f')")
    second = write(tmp_path / "b.py", "\ntwo = fe.Claim('2', more, family='f', alpha=0.1)")
    text = message(tmp_path)
    assert text.startswith(f"{second}:6: ")
    assert "'a::one'" in text
    assert "alpha=0.05" in text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("run(arm, seed)", "run(seed)", "cannot be: too many positional arguments"),
        ("run(arm, seed)", "run(arm, seed, epochs)", "missing a required argument: 'epochs'"),
        ('"toy", run', '"toy", 5', "run=5 (int) must be a function"),
        (
            '"toy", run',
            '"toy", "run"',
            "run='run' (str) must be a function, or a path 'module:function'",
        ),
        (
            '"toy", run',
            '"toy", "no_such_module_at_all:run"',
            "there is no module 'no_such_module_at_all'",
        ),
        ("(0, 1)", "(1, 0)", "the range (1, 0)"),
        (
            '"dose": 0',
            '"dose": fe.Factor("c", choices=("a", "b"))',
            "its default 'c' is not one of 'a', 'b'",
        ),
        ('"dose": 0', '"dose": fe.Factor("a", choices="ab")', "choices='ab' (str)"),
    ],
)
def test_an_experiment_that_no_run_could_serve_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = message(
        file := write(
            tmp_path / "bad_toy.py", f"{TOY.replace(old, new)}    one = fe.Claim('1', more)\n"
        )
    )
    assert text.startswith(f"{file}:9: Experiment 'toy': ")
    assert told in text


def test_a_function_named_by_the_path_of_a_module_beside_the_file_is_found(tmp_path: Path) -> None:
    write(tmp_path / "work_of_toy.py", "def run(arm, seed):\n    return {'x': seed}\n", head="")
    body = TOY.replace('"toy", run', '"toy", "work_of_toy:run"') + "    one = fe.Claim('1', more)\n"
    (one,) = load([write(tmp_path / "by_path.py", body)])
    assert one.experiment is not None
    assert one.experiment.audits["run"].resolve()({}, 7) == {"x": 7}
    assert (
        "work_of_toy.py:run" in code_of(one.experiment.audits["run"].call).parts
    )  # what changes in it is run again
    assert "work_of_toy has no 'ran'" in message(
        write(tmp_path / "bad.py", body.replace("toy:run", "toy:ran"))
    )
    installed = body.replace("work_of_toy:run", "json:dumps")
    (other,) = load([write(tmp_path / "installed.py", installed)])
    assert other.experiment is not None
    assert other.experiment.run == "json:dumps"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("one = fe.Claim('1', more, attribute_to='rule')", "did you mean 'attributed_to'?"),
        ("one = fe.Claim('1', more, zzz=1)", "its arguments: sentence, attributed_to"),
        (
            "one = fe.Claim('1', more, zzz=1)",
            "published, tags, source, made_from, experiment.",
        ),  # and not what loading fills in
        (
            "one = fe.Claim('1', more, anticipated=0.3)",
            "anticipated goes into the assertion, such as fe.exceeds(",
        ),
        ("one = fe.Claim('1', fe.equivalent(1, 2, by=0.3))", "did you mean 'within'?"),
        ("one = fe.Claim('1', fe.exceeds(1, 2, within=0.3))", "did you mean 'by'?"),
        ("one = fe.Claim('1', fe.exceed(1, 2))", "did you mean 'exceeds'?"),
        ("one = fe.Claim('1', mor)", "did you mean 'more'?"),
        (
            "one = fe.Claim('1', fe.metric('x', fe.Arm()) > 0)",
            "fe.exceeds(a, b, by=fe.Margin(...))",
        ),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ],
)
def test_an_error_says_what_was_probably_meant_in_one_line(
    tmp_path: Path, body: str, told: str
) -> None:
    text = message(file := write(tmp_path / "typo.py", body))
    assert text.startswith(f"{file}:5: ")
    assert told in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "name", ["types", "random", "json", "numpy", "torch", "faeval", "pytest", "__main__"]
)
def test_a_file_that_would_hide_a_module_of_everyones_is_refused_by_name(
    tmp_path: Path, name: str
) -> None:
    before = sys.modules.get(name)
    assert repr(name) in message(write(tmp_path / f"{name}.py", "one = fe.Claim('1', more)"))
    assert sys.modules.get(name) is before


@pytest.mark.parametrize("name", ["my-claims", "01_claims", "a.b", "tests", "claims", "data"])
def test_other_names_are_as_good_as_any(tmp_path: Path, name: str) -> None:
    (one,) = load([write(tmp_path / f"{name}.py", "one = fe.Claim('1', more)")])
    assert one.id == f"{name}::one"


def test_a_file_beside_it_with_the_name_of_a_module_of_everyones_does_no_harm_unless_it_is_meant(
    tmp_path: Path,
) -> None:
    write(tmp_path / "chunk.py", "raise SystemExit('not that one')", head="")
    write(tmp_path / "wsgiref" / "__init__.py", "raise SystemExit('not that one')", head="")
    sys.modules.pop("wsgiref", None)
    body = "globals()['there'] = __import__('wsgiref').__file__\none = fe.Claim(there, more)\n"
    assert str(tmp_path) not in load([write(tmp_path / "calm.py", body)])[0].sentence
    text = message(
        file := write(tmp_path / "meant.py", "import wsgiref.util\none = fe.Claim('1', more)\n")
    )
    assert text.startswith(f"{file}:5: import wsgiref")


def test_what_a_file_prints_or_sets_as_it_is_loaded_stays_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    body = """
        import os, sys, warnings
        import numpy as np
        os.system("echo from a subprocess")
        print("from Python")
        os.chdir("/")
        warnings.simplefilter("error")
        np.seterr(all="raise")
        sys.stdout.close()
        one = fe.Claim("1", more)
    """
    before, filters = np.geterr(), list(warnings.filters)
    assert len(load(write(tmp_path / "loud.py", body))) == 1
    assert (Path.cwd(), np.geterr(), list(warnings.filters)) == (tmp_path, before, filters)
    out, err = capfd.readouterr()
    assert out == ""
    assert "from a subprocess" in err
    assert "from Python" in err


def test_a_file_that_has_changed_and_what_it_imports_are_read_again(tmp_path: Path) -> None:
    helper = write(tmp_path / "words_of_mine.py", "WORD = 'one'", head="")
    file = write(
        tmp_path / "reads.py", "from words_of_mine import WORD\nit = fe.Claim(WORD, more)\n"
    )
    assert load(file)[0].sentence == "one"
    helper.write_text("WORD = 'two'")  # as long, and at once
    assert load(file)[0].sentence == "two"
    file.write_text(file.read_text().replace("(WORD", "('six'"))
    assert load(file)[0].sentence == "six"


def test_the_path_of_no_characters_is_not_the_working_directory() -> None:
    with pytest.raises(ClaimsFileError, match="''"):
        load("")


def test_a_claims_file_is_compiled_as_python_itself_would(tmp_path: Path) -> None:
    load(
        [
            write(
                tmp_path / "typed.py",
                'one = fe.Claim("one", more)\ndef f(x: float) -> float:\n    return x\n',
            )
        ]
    )
    assert sys.modules["typed"].f.__annotations__ == {"x": float, "return": float}
