"""Arms: one spelling for one mapping, read back as it was written."""

from __future__ import annotations

import copy
import enum
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, strategies as st

from faeval.errors import FaevalError
from faeval.experiment import Arm, Experiment, labels_of

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
# Words that read like another type are the interesting ones.
confusable = st.sampled_from(
    [
        "true",
        "True",
        "false",
        "none",
        "None",
        "nan",
        "inf",
        "-inf",
        "1",
        "1.0",
        "1e5",
        "1_0",
        "-0",
        "0x1",
        "٣",
        "1e-7",
        "é",
    ]
)
printable = st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=6).filter(
    str.isprintable
)
signs = st.text("a1 +='\",", min_size=1, max_size=6)  # what a label is built of
words = st.one_of(confusable, printable, signs)
numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e300, 1e-300, 5e-324, 2.0**53, -0.0, 1e16, 1e22, 0.1 + 0.2]),
)
values = st.one_of(st.none(), st.booleans(), numbers, words)
mappings = st.dictionaries(
    st.one_of(names, st.sampled_from(["rule", "self", "cls", "label", "changes"])),
    values,
    max_size=4,
)


@given(mappings)
@example({"rule": "true"})
@example({"rule": "1e5", "x": "none"})
def test_a_label_reads_back_as_the_arm_it_was_written_from(factors: dict[str, Any]) -> None:
    arm = Arm(**factors)
    again = Arm.parse(arm.label)
    assert again == arm
    assert again.label == arm.label == str(arm)
    assert hash(again) == hash(arm)
    assert {n: (type(v), v) for n, v in again.items()} == {n: (type(v), v) for n, v in arm.items()}
    assert dict(arm) == factors
    assert all(isinstance(arm[n], bool) == isinstance(v, bool) for n, v in factors.items())


@given(mappings, mappings)
def test_equal_mappings_and_no_others_are_equal_arms(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    def typed(factors: dict[str, Any]) -> dict[str, Any]:
        return {n: (isinstance(v, bool), v) for n, v in factors.items()}

    same = typed(left) == typed(right)
    assert (Arm(**left) == Arm(**right)) is same
    assert (Arm(**left).label == Arm(**right).label) is same
    if same:
        assert hash(Arm(**left)) == hash(Arm(**right))


@given(mappings)
def test_the_order_of_factors_does_not_matter(factors: dict[str, Any]) -> None:
    backwards = dict(reversed(factors.items()))
    assert Arm(**backwards).label == Arm(**factors).label
    assert list(Arm(**backwards)) == sorted(factors)


@given(mappings, mappings)
def test_but_changes_the_factors_named_and_leaves_the_arm_alone(
    factors: dict[str, Any], changes: dict[str, Any]
) -> None:
    arm = Arm(**factors)
    label = arm.label
    changed = arm.but(**changes)
    assert dict(changed) == {**factors, **changes}
    assert arm.label == label


@given(mappings)
def test_an_arm_survives_copying_and_pickling(factors: dict[str, Any]) -> None:
    arm = Arm(**factors)
    assert pickle.loads(pickle.dumps(arm)) == arm
    assert copy.deepcopy(arm) == arm


@given(numbers)
def test_equal_numbers_are_one_value(number: float) -> None:
    other = int(number) if isinstance(number, float) and number.is_integer() else float(number)
    assume(other == number)
    try:
        twin = Arm(x=other)
    except FaevalError:  # a whole number too large for a float to hold it apart from its neighbours
        assert isinstance(other, int)
        assert abs(other) >= 2**53
    else:
        assert twin == Arm(x=number)


@pytest.mark.parametrize(
    ("arm", "label"),
    [
        (Arm("dfa"), "dfa"),
        (Arm(), ""),
        (Arm("dfa", penalty=1e-2), "dfa+penalty=0.01"),
        (Arm("dfa", width=2, blocks=4), "dfa+blocks=4+width=2"),
        (Arm(penalty=1.0), "penalty=1"),
        (Arm(penalty=1e-7), "penalty=1e-07"),
        (Arm(penalty=1.5e300), "penalty=1.5e300"),  # a plus sign would part factors
        (Arm(a=True, b="true", c=None, d="none"), "a=true+b='true'+c=none+d='none'"),
        (Arm("true"), "rule='true'"),
        (Arm(rule=None), "rule=none"),
        (Arm(rule=3), "rule=3"),
        (Arm(x="1e5", y=1e5), "x='1e5'+y=100000"),
        (Arm(x=-0.0), "x=0"),
        (Arm("Random Forest", depth=3), "'Random Forest'+depth=3"),
        (Arm("lr=0.10"), "'lr=0.10'"),
        (Arm("a+b", x="it's"), "'a+b'+x='it''s'"),
        (Arm(x="a,b", y='"'), "x='a,b'+y='\"'"),
    ],
)
def test_labels_are_spelt_so(arm: Arm, label: str) -> None:
    # These spellings name arms in committed evidence: they are a contract.
    assert arm.label == label
    assert Arm.parse(label) == arm


@pytest.mark.parametrize(
    "name", ["1.10", "007", "12e3", "NaN", "true", "none", "Random Forest", "don't"]
)
def test_a_first_part_without_a_factor_is_a_word(name: str) -> None:
    assert Arm.parse(name) == Arm(name)


@given(
    st.lists(
        st.one_of(
            signs,
            confusable,
            st.sampled_from(["lr=0.1", "lr=0.10", "lr=1e-1", "x=1+rule=a", "a+x=1"]),
        )
    )
)
@example(["lr=0.10", "lr=0.1"])
@example(["1.1", "1.10", "rule='1.1'"])
def test_two_texts_become_one_arm_only_where_they_are_one_label(texts: list[str]) -> None:
    found = labels_of(texts)
    assert list(found) == list(dict.fromkeys(texts))
    for text, label in found.items():
        assert labels_of([label]) == {label: label}  # so that what was read once is read again
        same = [t for t, other in found.items() if other == label and t != text]
        for other in same:  # the same factors, each spelled as it was
            assert sorted(text.replace("rule=", "").replace("'", "").split("+")) == sorted(
                other.replace("rule=", "").replace("'", "").split("+")
            )


def test_an_experiment_says_how_its_arms_are_spelled() -> None:
    toy = Experiment(
        "toy", lambda arm, seed: {}, factors={"method": "base", "lr": 0.1}, metrics=["x"]
    )
    assert labels_of(["method=base", "lr=0.2+method=ours", "", "other"], toy.canonical) == {
        "method=base": "",
        "lr=0.2+method=ours": "lr=0.2+method=ours",
        "": "",
        "other": "other",
    }


def test_a_bool_is_not_the_number_it_counts_as() -> None:
    assert Arm(x=True) != Arm(x=1)
    assert Arm(x=True) != Arm(x="true")
    assert Arm(x=1) == Arm(x=1.0)
    assert Arm(x=1) != {"x": 1}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Arm(**{"a b": 1}), ["'a b'", "letters, digits and underscores"]),
        (lambda: Arm(**{"": 1}), ["''", "letters"]),
        (lambda: Arm(**{"a\n": 1}), ["'a\\n'", "letters"]),
        (lambda: Arm(**{"größe": 1}), ["größe", "letters"]),
        (lambda: Arm(x=float("nan")), ["x=nan", "float", "finite number"]),
        (lambda: Arm(x=float("inf")), ["x=inf", "float", "finite number"]),
        (lambda: Arm(x=""), ["x=''", "str", "printable text"]),
        (lambda: Arm(x="a\u00a0b"), ["str", "printable"]),
        (lambda: Arm(x="\x00"), ["str", "printable"]),
        (lambda: Arm(x=[1, 2]), ["x=[1, 2]", "list", "a word, a number, a bool or None"]),
        (lambda: Arm(x=10**400), ["x", "int", "give a float or a word"]),
        (lambda: Arm(x=10**5000), ["x", "int", "give a float or a word"]),
        (lambda: Arm("dfa", rule="bp"), ["'dfa'", "'bp'", "once"]),
        (lambda: Arm.parse("dfa+bp"), ["'bp'", "name=value"]),
        (lambda: Arm.parse("dfa+x=1+x=2"), ["'x'", "twice", "keep one"]),
        (lambda: Arm.parse("x="), ["'x='", "name=value"]),
        (lambda: Arm.parse("dfa+"), ["''", "name=value"]),
        (lambda: Arm.parse("x='a'b'"), ["x='a'b'", "double a quote"]),
        (lambda: Arm.parse("=1"), ["''", "identifier"]),
    ],
)
def test_what_cannot_be_an_arm_is_refused_with_name_value_type_and_remedy(
    make: Any, told: list[str]
) -> None:
    with pytest.raises(FaevalError) as error:
        make()
    for part in told:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_an_arm_cannot_be_changed() -> None:
    arm = Arm("dfa")
    with pytest.raises(TypeError):
        arm["rule"] = "bp"  # type: ignore[index]
    with pytest.raises(AttributeError):
        arm.label = "bp"  # type: ignore[misc]


class Word(enum.StrEnum):
    ADAM = "adam"


class Mixed(str, enum.Enum):  # noqa: UP042 - as many have it
    SGD = "sgd"


def test_values_of_numpy_and_of_enumerations_are_what_they_stand_for() -> None:
    given = Arm(
        depth=np.int64(3),
        flag=np.True_,
        rate=np.float64(0.5),
        name=np.str_("a"),
        by=Word.ADAM,
        old=Mixed.SGD,
    )
    plain = Arm(depth=3, flag=True, rate=0.5, name="a", by="adam", old="sgd")
    assert given == plain
    assert [type(value) for value in given.values()] == [type(value) for value in plain.values()]
    for value in (np.float32(0.1), Decimal("0.1"), enum.Enum("E", "A").A):  # type: ignore[attr-defined]
        with pytest.raises(FaevalError, match="give"):
            Arm(x=value)
