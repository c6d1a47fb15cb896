"""Progress where no notebook runs: nothing, and what was asked for stays. In a kernel: see
tests/project/test_notebook.py.
"""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from faeval.campaign import Event, Job
from faeval.pipeline import _notebook as notebook

JOB = Job.__new__(Job)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_outside_of_a_kernel_nothing_is_shown_and_what_is_asked_for_stays():
    assert notebook.told_in_kernel(None) is None
    assert notebook.told_in_kernel(print) is print


@given(st.lists(st.text(max_size=50), max_size=9))
def test_what_a_run_says_is_text_alone_and_few_failures_are_named(messages):
    event = Event("failed", JOB, 3, 10, 65.0)
    page = notebook.bar(event, messages)
    rows = min(len(messages), 5) + (len(messages) > 5)
    assert Tags(page).tags == ["div", "progress", *["div"] * rows]
    assert 'max="10" value="3"' in page


@pytest.mark.parametrize(("done", "told"), [(3, "3/10 runs, about 65 s left"), (10, "10/10 runs<")])
def test_the_time_left_is_said_while_some_is_left(done, told):
    assert told in notebook.bar(Event("finished", JOB, done, 10, 65.0), [])
