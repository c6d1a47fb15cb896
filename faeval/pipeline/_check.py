"""Reports and the documents that quote them, held against the evidence: what stands there, and what
the evidence gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from faeval import evidence
from faeval._whole_files import files_in
from faeval.errors import EvidenceError, FaevalError, Tampered
from faeval.pipeline._earlier_report import Earlier, against, earlier_reports
from faeval.pipeline._provenance import PROVENANCE
from faeval.pipeline._redecide import (
    chosen_in,
    decide_stated,
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
    pages_of,
    provenance_labels,
    recompute,
)
from faeval.reports.checking import links as links_of
from faeval.reports.figures import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHECK_SCHEMA = "faeval/check/1"
#: The form of a rendering that another version of faeval wrote: it is not compared.
OTHER_VERSION = "other version"
_WHOLE = "the whole file"
_FORM_OF = {name: form for form, name in FORMS.items()}


@dataclass(frozen=True)
class Check:
    """What was checked, file by file, and the renderings asked for, else usual, that do not stand
    in the folders.
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
        files = [file.to_dict() for file in self.files]
        return {
            "schema": CHECK_SCHEMA,
            "exit_code": self.exit_code,
            "files": files,
            "absent": list(self.absent),
        }


class _Folder:
    """A report folder, decided again at most once; what forbids that is a finding."""

    def __init__(self, path: Path, given: Given, earlier: Sequence[Earlier] = ()) -> None:
        self.path, self.given, self.earlier = path, given, earlier

    @cached_property
    def again(self) -> tuple[Report, ReportNumbers] | Mismatch:
        try:
            said = stated(self.path)
        except EvidenceError as error:
            return self._finding(FORMS["json"], error)
        chosen = chosen_in(self.path, said, self.given)
        try:
            report = decide_stated(self.path, said, chosen)
        except (FaevalError, ValueError, TypeError) as error:  # what was altered may be of any type
            named = str(error).startswith(str(self.path / PROVENANCE))
            pack = next(pack for pack in evidence.PACKS if (self.path / pack).is_file())
            return self._finding(PROVENANCE if named else pack, error)
        if self.earlier:
            report = against(report, self.path, self.earlier)
        return report, recompute(report, chosen.claims)

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """Each identifier of the page, with the claim in whose section it stands."""
        return {} if isinstance(self.again, Mismatch) else anchors_of(self.again[0])

    def _finding(self, name: str, error: Exception) -> Mismatch:
        text = str(error).removeprefix(f"{self.path / name}: ").removeprefix(f"{self.path}: ")
        return Mismatch((self.path / name).as_posix(), "evidence", _WHOLE, text)

    def check(self, forms: Iterable[str], figures: bool = True) -> Iterator[CheckedFile]:
        found = self.again
        if isinstance(found, Mismatch):
            yield CheckedFile(found.file, "evidence", findings=(found,))
            return
        report, numbers = found
        csv = self.path / "evidence.csv"
        said = report.evidence_sha256  # none of a table without rows
        if said and csv.is_file() and hashlib.sha256(csv.read_bytes()).hexdigest() != said:
            text = (
                "its bytes are not those that were written, though each number reads the same;"
                " export it again."
            )
            yield CheckedFile(
                csv.as_posix(),
                "evidence",
                findings=(Mismatch(csv.as_posix(), "evidence", _WHOLE, text),),
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
    """Hold each figure that was written for a paper against the one that the evidence draws, byte
    by byte.
    """
    for name in drawn if (folder / "figures").is_dir() else ():
        for form in PAPER:
            file = folder / "figures" / f"{name}.{form}"
            if file.is_file():
                text = "is not the figure that the evidence draws; --figures writes it again."
                wrong = file.read_bytes() != render(drawn[name], form)
                found = (Mismatch(file.as_posix(), "markup", _WHOLE, text),) if wrong else ()
                yield CheckedFile(file.as_posix(), "figure", findings=found)


def check(
    paths: Iterable[str | Path],
    given: Given = "claims",
    forms: Iterable[str] | None = None,
    earlier: Iterable[str | Path] = (),
) -> Check:
    """Recompute what reports and documents say from the evidence in the report folders; nothing is
    trained or written.

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
    wanted = tuple(FORMS if forms is None else forms)
    before = earlier_reports(earlier)
    folders: dict[Path, _Folder] = {}
    documents: dict[Path, None] = {}
    overviews: dict[
        Path, bool
    ] = {}  # with the figures beside it, where not the page alone was named
    broken: dict[Path, None] = {}
    single: dict[
        Path, list[str]
    ] = {}  # of folders of which certain renderings were named, and not the whole
    for path in map(Path, paths):
        if path.is_file() and (form := _FORM_OF.get(path.name)) and _is_report(path.parent):
            folder = path.parent.resolve()
            if folder not in folders:
                folders[folder] = _Folder(path.parent, given, before)
                single[folder] = []
            if folder in single and form not in single[folder]:
                single[folder].append(form)
            continue
        if path.is_file() and path.name == Overview.PAGE and _is_overview(path):
            overviews.setdefault(path.parent, False)
            continue
        reports, pages = _within(path)
        for folder in (f.resolve() for f in reports):
            single.pop(folder, None)
        folders |= {
            f.resolve(): _Folder(f, given, before) for f in reports if f.resolve() not in folders
        }
        documents |= dict.fromkeys(pages)
        overviews |= {p.parent: True for p in files_in(path, Overview.PAGE) if _is_overview(p)}
        broken |= dict.fromkeys(
            p.parent for p in files_in(path, PROVENANCE) if not _is_report(p.parent)
        )
    files = [_incomplete(folder) for folder in broken]
    absent: list[str] = []
    for at, known in list(folders.items()):
        if at in single:
            files += known.check(single[at], figures=False)
            continue
        files += known.check(wanted)
        due = WRITTEN if forms is None else wanted
        absent += [
            (known.path / FORMS[f]).as_posix() for f in due if not (known.path / FORMS[f]).is_file()
        ]
    for page_folder, figures in overviews.items():
        files += _overview(page_folder, folders, given, figures)
    files += [_document(page, folders, given) for page in documents]
    return Check(tuple(files), tuple(absent))


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
    """Hold an overview, whose links say which reports it shows, against them; each number of it is
    a number of theirs.
    """
    page = at / Overview.PAGE
    shown = [
        at / unquote(link) for link in pages_of(page.read_text(encoding="utf-8", errors="replace"))
    ]
    reports: list[Report] = []
    for folder in shown:
        known = (
            folders.setdefault(folder.resolve(), _Folder(folder, given)).again
            if _is_report(folder)
            else None
        )
        if not isinstance(known, tuple):
            text = known.text if known else "holds no evidence, or no verdicts.json"
            finding = Mismatch(
                page.as_posix(), "evidence", _WHOLE, f"the report that it shows, {folder}: {text}"
            )
            yield CheckedFile(page.as_posix(), "overview", findings=(finding,))
            return
        reports.append(known[0])
    fresh = Overview.of(reports, shown, at)
    for file, form, text in (
        (page, "html", fresh.to_html()),
        (at / Overview.MARKDOWN, "markdown", fresh.to_markdown()),
    ):
        if file.is_file():
            found = check_rendering(file.as_posix(), form, file.read_bytes(), text)
            yield replace(found, form="overview")
    if figures and (at / "figures").is_dir():
        yield from _figures(at, fresh.figures())


def _incomplete(folder: Path) -> CheckedFile:
    """What a report was written into, and what no longer holds all of it: its renderings are no
    documents of somebody's.
    """
    missing = FORMS["json"] if holds_evidence(folder) else " or ".join(evidence.PACKS)
    finding = Mismatch(
        folder.as_posix(), "missing", _WHOLE, f"holds {PROVENANCE}, and no {missing}; restore it."
    )
    return CheckedFile(folder.as_posix(), "evidence", findings=(finding,))


def _is_report(folder: Path) -> bool:
    return (folder / FORMS["json"]).is_file() and holds_evidence(folder)


def _document(page: Path, folders: dict[Path, _Folder], given: Given) -> CheckedFile:
    file, count = page.as_posix(), 0
    findings: list[Mismatch] = []
    for link in links_of(page.read_text(encoding="utf-8")):
        target, _, anchor = link.target.partition("#")
        if "://" in target or target.startswith("mailto:") or not target:
            continue
        path = page.parent / unquote(target)
        place = f"line {link.line}"
        if not path.exists():
            findings.append(
                Mismatch(
                    file, "link", place, f"[{link.text}] leads to {target}, which is not there."
                )
            )
            continue
        if not anchor or path.name != FORMS["html"] or not holds_evidence(path.parent):
            continue
        folder = folders.setdefault(path.parent.resolve(), _Folder(path.parent, given))
        known = folder.again
        if isinstance(known, Mismatch):
            findings.append(
                Mismatch(file, "evidence", place, f"[{link.text}] quotes {target}: {known.text}")
            )
            continue
        if anchor not in folder.anchors:
            findings.append(
                Mismatch(
                    file,
                    "link",
                    place,
                    f"[{link.text}] leads to #{anchor}, which {target} does not have.",
                )
            )
        elif claim := known[1].claims.get(folder.anchors[anchor]):
            numbers_here, wrong = check_quoted(file, link, claim)
            count += numbers_here
            findings += wrong
    return CheckedFile(file, "document", count, count, tuple(findings))
