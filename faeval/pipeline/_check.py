"""Check reports, and the documents that quote them, against the evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from faeval import evidence
from faeval._whole_files import files_in
from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.pipeline._provenance import PROVENANCE
from faeval.pipeline._redecide import (
    Earlier,
    against,
    chosen_in,
    decide_stated,
    earlier_reports,
    holds_evidence,
    report_folders,
    stated,
)
from faeval.pipeline._select import Given
from faeval.reports import FORMS, PAPER, SCHEMA, WRITTEN, Overview, Report
from faeval.reports.checking import (
    CheckedFile,
    Mismatch,
    ReportNumbers,
    anchors_of,
    check_quoted,
    check_rendering,
    is_of_this_version,
    links as links_of,
    pages_of,
    provenance_labels,
    recompute,
)
from faeval.reports.figures import Figure, render

CHECK_SCHEMA = "faeval/check/1"
#: The form of a rendering that another version of faeval wrote: it is not compared.
OTHER_VERSION = "other version"
_WHOLE = "the whole file"
_FORM_OF = {name: form for form, name in FORMS.items()}


@dataclass(frozen=True)
class Check:
    """The files that were checked, and the renderings that are missing in the folders.

    Missing are those asked for, else the usual ones.
    """

    files: tuple[CheckedFile, ...]
    absent: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Mismatch, ...]:
        """All that was found, in the order of the files."""
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def exit_code(self) -> int:
        """12 where anything is not as the evidence has it, else 0."""
        return Tampered.exit_code if self.findings else 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "schema": CHECK_SCHEMA,
            "exit_code": self.exit_code,
            "files": [file.to_dict() for file in self.files],
            "absent": list(self.absent),
        }


class _Folder:
    """A report folder, decided again at most once; what forbids that is a finding."""

    def __init__(self, path: Path, given: Given, earlier: Sequence[Earlier] = ()) -> None:
        self.path, self.given, self.earlier = path, given, earlier

    @cached_property
    def again(self) -> tuple[Report, ReportNumbers] | Mismatch:
        try:
            content = stated(self.path)
        except EvidenceError as error:
            return self._finding(FORMS["json"], error)
        selection = chosen_in(self.path, content, self.given)
        try:
            report = decide_stated(self.path, content, selection)
        except (FaevalError, ValueError, TypeError) as error:  # what was altered may be of any type
            of_provenance = str(error).startswith(str(self.path / PROVENANCE))
            pack = next(pack for pack in evidence.PACKS if (self.path / pack).is_file())
            return self._finding(PROVENANCE if of_provenance else pack, error)
        if self.earlier:
            report = against(report, self.path, self.earlier)
        return report, recompute(report, selection.claims)

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """Each identifier of the page, with the claim in whose section it stands."""
        return {} if isinstance(self.again, Mismatch) else anchors_of(self.again[0])

    def _finding(self, name: str, error: Exception) -> Mismatch:
        text = str(error).removeprefix(f"{self.path / name}: ").removeprefix(f"{self.path}: ")
        return Mismatch((self.path / name).as_posix(), "evidence", _WHOLE, text)

    def check(self, forms: Iterable[str], figures: bool = True) -> Iterator[CheckedFile]:
        result = self.again
        if isinstance(result, Mismatch):
            yield CheckedFile(result.file, "evidence", findings=(result,))
            return
        report, numbers = result
        csv = self.path / "evidence.csv"
        digest = report.evidence_sha256  # none of a table without rows
        if digest and csv.is_file() and hashlib.sha256(csv.read_bytes()).hexdigest() != digest:
            yield _wrong_file(
                csv,
                "evidence",
                "its bytes are not those that were written, though each number reads the same;"
                " export it again.",
            )
        labels = provenance_labels(report)
        schema = stated(self.path).get("schema", SCHEMA)
        page = self.path / FORMS["html"]
        ours = not page.is_file() or is_of_this_version(page.read_bytes(), schema)
        for form in forms:
            file = self.path / FORMS[form]
            if file.is_file() and not ours and form != "json":
                yield CheckedFile(file.as_posix(), OTHER_VERSION)
            elif file.is_file():
                fresh, same = report.render(form), form != "json" or schema == SCHEMA
                yield check_rendering(
                    file.as_posix(), form, file.read_bytes(), fresh, numbers, labels, texts=same
                )
        if figures:
            yield from _figures(self.path, report.figures())


def _figures(folder: Path, drawn: Mapping[str, Figure]) -> Iterator[CheckedFile]:
    """Compare each figure written for a paper with the one of the evidence, byte by byte."""
    for name in drawn if (folder / "figures").is_dir() else ():
        for form in PAPER:
            file = folder / "figures" / f"{name}.{form}"
            if file.is_file() and file.read_bytes() == render(drawn[name], form):
                yield CheckedFile(file.as_posix(), "figure")
            elif file.is_file():
                text = "is not the figure that the evidence draws; --figures writes it again."
                yield _wrong_file(file, "figure", text, "markup")


def _wrong_file(file: Path, form: str, text: str, kind: str = "evidence") -> CheckedFile:
    """Return the finding on a whole file."""
    name = file.as_posix()
    return CheckedFile(name, form, findings=(Mismatch(name, kind, _WHOLE, text),))


def check(
    paths: Iterable[str | Path],
    given: Given = "claims",
    forms: Iterable[str] | None = None,
    earlier: Iterable[str | Path] = (),
) -> Check:
    """Check what reports and documents say against the evidence in the report folders.

    Nothing is trained or written.

    Parameters
    ----------
    paths
        Report folders, single renderings in them, an overview's page, Markdown documents, or
        folders that hold some of these. A document quotes a report where a link leads to a claim on
        its page, such as ``[0.17 [0.15, 0.19]](reports/x/report.html#claim-y)``.
    given
        Where the claims are.
    forms
        Check these of the ``FORMS`` alone.
    earlier
        Earlier reports, where renderings say what moved since.

    Raises
    ------
    FaevalError
        There is nothing to check in one of the paths; a claim of a report is not among those given.
    """
    scope = _Scope(given, earlier_reports(earlier))
    for path in map(Path, paths):
        scope.add(path)
    files = [_incomplete(folder) for folder in scope.broken]
    absent: list[str] = []
    for at, folder in list(scope.folders.items()):
        if at in scope.single:
            files += folder.check(scope.single[at], figures=False)
            continue
        files += folder.check(tuple(FORMS if forms is None else forms))
        due = (folder.path / FORMS[form] for form in (WRITTEN if forms is None else forms))
        absent += [file.as_posix() for file in due if not file.is_file()]
    for page_folder, figures in scope.overviews.items():
        files += _overview(page_folder, scope.folders, given, figures)
    files += [_document(page, scope.folders, given) for page in scope.documents]
    return Check(tuple(files), tuple(absent))


class _Scope:
    """What the paths name that can be checked, each once."""

    def __init__(self, given: Given, earlier: Sequence[Earlier]) -> None:
        self.given, self.earlier = given, earlier
        self.folders: dict[Path, _Folder] = {}
        self.documents: dict[Path, None] = {}
        #: With the figures beside it, where not the page alone was named.
        self.overviews: dict[Path, bool] = {}
        self.broken: dict[Path, None] = {}
        #: Of folders of which certain renderings were named, and not the whole.
        self.single: dict[Path, list[str]] = {}

    def add(self, path: Path) -> None:
        """Take in a file, or all that lies in a folder."""
        if path.is_file() and (form := _FORM_OF.get(path.name)) and _is_report(path.parent):
            self._add_rendering(path.parent, form)
        elif path.is_file() and path.name == Overview.PAGE and _is_overview(path):
            self.overviews.setdefault(path.parent, False)
        else:
            self._add_all(path)

    def _add_rendering(self, folder: Path, form: str) -> None:
        key = folder.resolve()
        if key not in self.folders:
            self.folders[key] = _Folder(folder, self.given, self.earlier)
            self.single[key] = []
        if key in self.single and form not in self.single[key]:
            self.single[key].append(form)

    def _add_all(self, path: Path) -> None:
        reports, pages = _within(path)
        for report in reports:
            key = report.resolve()
            self.single.pop(key, None)
            self.folders.setdefault(key, _Folder(report, self.given, self.earlier))
        self.documents |= dict.fromkeys(pages)
        overviews = (page for page in files_in(path, Overview.PAGE) if _is_overview(page))
        self.overviews |= {page.parent: True for page in overviews}
        folders = (file.parent for file in files_in(path, PROVENANCE))
        self.broken |= dict.fromkeys(folder for folder in folders if not _is_report(folder))


def _within(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the report folders and the documents at a path and below it."""
    if path.suffix.lower() == ".md" and path.is_file():
        return [], [path]
    try:
        reports = report_folders([path])
    except FaevalError:
        reports = []
    own = {(folder / FORMS["markdown"]).resolve() for folder in reports}
    pages = (
        [page for page in files_in(path, "*.md") if page.resolve() not in own]
        if path.is_dir()
        else []
    )
    if not reports and not pages:
        raise FaevalError(
            f"{path}: holds no report folder and no Markdown document; name a folder that faeval"
            " verify --report wrote, or a document that quotes one."
        )
    return reports, pages


def _is_overview(page: Path) -> bool:
    return Overview.MARK.encode() in page.read_bytes()[:2000]


def _overview(
    at: Path, folders: dict[Path, _Folder], given: Given, figures: bool
) -> Iterator[CheckedFile]:
    """Compare an overview with the reports that its links name.

    Each number of it is a number of theirs.
    """
    page = at / Overview.PAGE
    members = [
        at / unquote(link) for link in pages_of(page.read_text(encoding="utf-8", errors="replace"))
    ]
    reports: list[Report] = []
    for folder in members:
        again = (
            folders.setdefault(folder.resolve(), _Folder(folder, given)).again
            if _is_report(folder)
            else None
        )
        if not isinstance(again, tuple):
            text = again.text if again else "holds no evidence, or no verdicts.json"
            yield _wrong_file(page, "overview", f"the report that it shows, {folder}: {text}")
            return
        reports.append(again[0])
    fresh = Overview.of(reports, members, at)
    for file, form, text in (
        (page, "html", fresh.to_html()),
        (at / Overview.MARKDOWN, "markdown", fresh.to_markdown()),
    ):
        if file.is_file():
            result = check_rendering(file.as_posix(), form, file.read_bytes(), text)
            yield replace(result, form="overview")
    if figures and (at / "figures").is_dir():
        yield from _figures(at, fresh.figures())


def _incomplete(folder: Path) -> CheckedFile:
    """Return the finding on a report folder that no longer holds the whole report."""
    missing = FORMS["json"] if holds_evidence(folder) else " or ".join(evidence.PACKS)
    text = f"holds {PROVENANCE}, and no {missing}; restore it."
    return _wrong_file(folder, "evidence", text, "missing")


def _is_report(folder: Path) -> bool:
    return (folder / FORMS["json"]).is_file() and holds_evidence(folder)


def _document(page: Path, folders: dict[Path, _Folder], given: Given) -> CheckedFile:
    """Hold what a document says of reports against them, link by link."""
    file, count = page.as_posix(), 0
    findings: list[Mismatch] = []

    def note(kind: str, line: int, text: str) -> None:
        findings.append(Mismatch(file, kind, f"line {line}", text))

    for link in links_of(page.read_text(encoding="utf-8")):
        target, _, anchor = link.target.partition("#")
        if "://" in target or target.startswith("mailto:") or not target:
            continue
        path = page.parent / unquote(target)
        if not path.exists():
            note("link", link.line, f"[{link.text}] leads to {target}, which is not there.")
            continue
        if not anchor or path.name != FORMS["html"] or not holds_evidence(path.parent):
            continue
        folder = folders.setdefault(path.parent.resolve(), _Folder(path.parent, given))
        again = folder.again
        if isinstance(again, Mismatch):
            note("evidence", link.line, f"[{link.text}] quotes {target}: {again.text}")
        elif anchor not in folder.anchors:
            note(
                "link",
                link.line,
                f"[{link.text}] leads to #{anchor}, which {target} does not have.",
            )
        elif claim := again[1].claims.get(folder.anchors[anchor]):
            numbers_here, wrong = check_quoted(file, link, claim)
            count += numbers_here
            findings += wrong
    return CheckedFile(file, "document", count, count, tuple(findings))
