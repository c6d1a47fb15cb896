"""JUnit XML: a test case a claim, without times or names of machines."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from faeval.reports.data._report import Report
from faeval.reports.formats._cases import cases
from faeval.reports.words._escape import CELL, clip

_ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


def junit(report: Report, strict: bool) -> str:
    """Return JUnit XML as pytest writes it, with properties in each test case."""
    # Clean text holds no character that XML forbids; ElementTree escapes the rest.
    test_cases = list(cases(report, strict))
    results = Counter(case.result for case in test_cases)
    counts = {
        "tests": str(len(test_cases)),
        "failures": str(results["failed"]),
        "errors": str(results["error"]),
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": clip(report.setting, CELL), **counts, "skipped": str(results["skipped"])},
    )
    for case in test_cases:
        element = ElementTree.SubElement(
            suite, "testcase", {"classname": case.group, "name": case.name}
        )
        properties = ElementTree.SubElement(element, "properties")
        for key, value in case.properties.items():
            ElementTree.SubElement(
                properties,
                "property",
                {"name": key, "value": value if isinstance(value, str) else repr(value)},
            )
        if case.result != "passed":
            of = {"type": case.type, "message": case.message}
            ElementTree.SubElement(element, _ELEMENTS[case.result], of).text = case.text
        elif case.message:  # a test that passed has no place for a message but its output
            ElementTree.SubElement(element, "system-out").text = case.message
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
