"""Report, Drift and Overview as users hold them: data, with methods that show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from faeval._safe_text import cut
from faeval._whole_files import Content, write_together
from faeval.claims import Claim, Verdict
from faeval.claims._notebook import shown_by
from faeval.errors import FaevalError
from faeval.reports.data._compare import compare
from faeval.reports.data._drift import FLAG, Drift as DriftData
from faeval.reports.data._forms import FORMS, PAPER, WRITTEN
from faeval.reports.data._frame import frame_of
from faeval.reports.data._overview import Overview as OverviewData
from faeval.reports.data._report import Report as ReportData
from faeval.reports.figures import Figure, _plots as plots, render
from faeval.reports.figures._forest import transfer_of
from faeval.reports.formats import _html_and_markdown as pages, _notebook as notebook
from faeval.reports.formats._badge import badge
from faeval.reports.formats._ctrf import ctrf
from faeval.reports.formats._junit import junit
from faeval.reports.formats._latex import table as latex_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

shown_by(Verdict, notebook.verdict_html)
shown_by(Claim, notebook.claim_html)


class Drift(DriftData):
    __doc__ = DriftData.__doc__

    def to_markdown(self) -> str:
        """Return a section of Markdown."""
        return pages.markdown_drift(self)

    def table(self, width: int = 120) -> RenderableType:
        """Return what ``rich`` prints on a terminal of so many columns."""
        from faeval.reports.formats._terminal import drift_table

        return drift_table(self, width)


def drift(
    new: ReportData, old: Mapping[str, Any], provenance: Mapping[str, Any] | None = None
) -> Drift:
    """Compare a report with an earlier one of its setting."""
    return Drift(**vars(compare(new, old, provenance)))


drift.__doc__ = compare.__doc__


class Report(ReportData):
    __doc__ = ReportData.__doc__

    drift: Drift | None

    def against(self, old: Mapping[str, Any], provenance: Mapping[str, Any] | None = None) -> Self:
        """Return this report compared with an earlier one.

        It has its :attr:`drift`, and flags where verdicts moved.

        See :func:`faeval.reports.drift` for the parameters, and for what is raised.
        """
        compared = drift(self, old, provenance)
        flagged = {change.claim for change in compared.moved if change.flag}
        verdicts = (
            replace(v, flags=(*v.flags, FLAG)) if v.claim in flagged else v for v in self.verdicts
        )
        return replace(self, verdicts=tuple(verdicts), drift=compared)

    def to_markdown(self, limit: int = 64_000, *, folded: bool = False) -> str:
        """Return Markdown of less than `limit` bytes.

        First comes the table of verdicts, then a section for each claim, as many as fit.

        Parameters
        ----------
        limit
            At least 8000. What does not fit is left out whole, and counted.
        folded
            Put each claim's section into ``<details>``, as for a job's summary on GitHub.

        Raises
        ------
        FaevalError
            The limit is too small for a table.
        """
        return pages.markdown_page(self, limit, folded)

    def to_html(self) -> str:
        """Return one self-contained page, without scripts and without anything to be loaded."""
        return pages.html_page(self)

    def figures(self) -> Mapping[str, Figure]:
        """Return every figure as plain data, by a name that is safe as a file's."""
        return plots.figures(self)

    def write_figures(self, folder: str | Path) -> list[Path]:
        """Write every figure as SVG and as PDF into a folder, all or none, and return the paths.

        This needs the extra ``plots``.

        Raises
        ------
        FaevalError
            The folder cannot be made or written to.
        MissingExtra
            Without the extra.
        """
        return write_all(Path(folder), _drawn(self.figures()))

    def to_junit(self, strict: bool = False) -> str:
        """Return JUnit XML, with a test case for each claim.

        Decided verdicts pass, drift fails, undecided ones are skipped, unexpectedly invalid ones
        are errors.

        With `strict`, undecided where a decision was expected fails.
        """
        return junit(self, strict)

    def to_ctrf(self, strict: bool = False) -> str:
        """Return CTRF JSON: outcomes as in :meth:`to_junit`, where an error is called failed."""
        return ctrf(self, strict)

    def to_latex(self) -> str:
        """Return a LaTeX table of the verdicts, for ``\\input``; it needs booktabs."""
        return latex_table(self)

    def to_badge(self) -> str:
        """Return a badge as JSON for an endpoint of shields.io."""
        return badge(self)

    def table(self, width: int = 120) -> RenderableType:
        """Return what ``rich`` prints on a terminal of so many columns."""
        from faeval.reports.formats._terminal import table

        return table(self, width)

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row for each assertion of each claim.

        A claim without any numbers has one row. Columns: ``claim`` (its name), ``sentence``,
        ``setting``, ``verdict`` (categorical), ``reason_code``, ``a``, ``kind``, ``b`` (what was
        compared), ``effect``, ``low`` and ``high`` (the effect a - b, or the ratio, with its
        decision interval), ``unit``, ``margin`` (or factor), ``because``, ``n`` (seeds),
        ``p_support`` and ``p_refute`` (of the assertion), ``adjusted_support`` and
        ``adjusted_refute`` (of the claim, adjusted for its family), ``flags`` (with commas),
        ``registration``, ``registered`` (whether before its runs), ``expected``, ``as_expected``.
        What is undefined is NaN.

        Examples
        --------
        >>> Report("toy", ()).to_frame().shape
        (0, 24)
        """
        return frame_of(self.verdicts)

    def __repr__(self) -> str:
        some = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count)
        many = len(self.verdicts)
        claims = f"{many} claim{'s' * (many != 1)}"
        return f"<Report {cut(self.setting, 120)}: {', '.join(filter(None, (claims, some)))}>"

    def _repr_html_(self) -> str:
        return notebook.report_html(self)

    def render(self, form: str) -> str:
        """Return the report in one of :data:`FORMS`.

        Raises
        ------
        FaevalError
            There is no such form.
        """
        if form not in FORMS:
            raise FaevalError(f"form={form!r} is not one of {', '.join(FORMS)}.")
        return {
            "html": self.to_html,
            "markdown": self.to_markdown,
            "json": self.to_json,
            "junit": self.to_junit,
            "ctrf": self.to_ctrf,
            "latex": self.to_latex,
            "badge": self.to_badge,
        }[form]()

    def write(self, folder: str | Path, forms: Iterable[str] = WRITTEN) -> list[Path]:
        """Write some of :data:`FORMS` into a folder, all of them or none, and return their paths.

        Raises
        ------
        FaevalError
            There is no such form; or the folder cannot be made or written to.
        """
        return write_all(Path(folder), list(self.contents(forms)))

    def contents(
        self, forms: Iterable[str] = WRITTEN, *, figures: bool = False
    ) -> Iterator[tuple[str, bytes]]:
        """Yield name and bytes of each file that :meth:`write` writes.

        With ``figures`` also of each that :meth:`write_figures` writes.
        """
        for form, text in [
            (form, self.render(form)) for form in forms
        ]:  # an unknown form is known first
            yield FORMS[form], text.encode()
        if figures:
            yield from ((f"figures/{name}", image) for name, image in _drawn(self.figures()))


class Overview(OverviewData):
    __doc__ = OverviewData.__doc__

    def to_html(self) -> str:
        """Return one self-contained page, without scripts and without anything to be loaded."""
        return pages.overview_page(self)

    def to_markdown(self) -> str:
        """Return Markdown of less than 64 kB."""
        return pages.overview_markdown(self)

    def write(self, folder: str | Path) -> list[Path]:
        """Write page and Markdown into a folder, each whole or not at all, and return their paths.

        Raises
        ------
        FaevalError
            The folder cannot be made or written to.
        """
        page, markdown = self.to_html().encode(), self.to_markdown().encode()
        return write_all(Path(folder), [(self.PAGE, page), (self.MARKDOWN, markdown)])

    def figures(self) -> Mapping[str, Figure]:
        """Return ``transfer``, a forest plot of what carries over from setting to setting."""
        return {"transfer": transfer_of(self)}

    def write_figures(self, folder: str | Path) -> list[Path]:
        """Write each figure as SVG and as PDF into a folder, and return the paths.

        It raises what :meth:`write` raises.
        """
        return write_all(Path(folder), _drawn(self.figures()))


def _drawn(figures: Mapping[str, Figure]) -> Iterator[tuple[str, bytes]]:
    yield from (
        (f"{name}.{form}", render(figure, form))
        for name, figure in figures.items()
        for form in PAPER
    )


def write_all(folder: Path, contents: Iterable[tuple[str, Content]]) -> list[Path]:
    """Write files into a folder, all of them or none.

    It does so as :func:`write_together`, and raises FaevalError where the folder cannot be written
    to.
    """
    try:
        return write_together(folder, contents)
    except OSError as error:
        raise FaevalError(
            f"report folder {str(folder)!r} cannot be written to ({error.strerror or error}); name"
            " one that can."
        ) from None
