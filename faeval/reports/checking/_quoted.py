"""Check what documents quote of a claim: its verdict, intervals and single numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from faeval.claims._verdict import WORDS
from faeval.reports.checking._check import Mismatch
from faeval.reports.checking._links import Link
from faeval.reports.checking._numbers import quotable
from faeval.reports.checking._printed_numbers import ESTIMATE, Printed, agrees, printed
from faeval.reports.checking._recompute import ClaimNumbers
from faeval.reports.words._glossary import GLYPHS
from faeval.reports.words._numbers import exact, percent
from faeval.reports.words._sentences import margin_text, unit_of, value_text

#: Words that have a verdict's word in them: unsupported is none, and is looked at.
_WORD = re.compile(rf"\w*(?:{'|'.join(WORDS)})\w*", re.IGNORECASE)
#: A verdict as it is quoted: its sign, its word, its reason's code, and numbers after that.
_VERDICT = re.compile(
    rf"(?:[{''.join(GLYPHS.values())}] ?)?(?P<word>{'|'.join(WORDS)})(?: \((?P<code>[a-z_"
    r" ]+)\))?(?:[;:,] (?P<rest>.*))?",
    re.IGNORECASE | re.DOTALL,
)
#: What may stand between numbers that follow a verdict.
_BETWEEN = re.compile(r"at|over|and|seeds?|n|p|[=<>;,.%()−\s]")
_FEWEST = 2  # significant digits of a number, where the claim's page does not write it with fewer


def check_quoted(file: str, link: Link, claim: ClaimNumbers) -> tuple[int, list[Mismatch]]:
    """Check the text of a link to a claim: its verdict, intervals and single numbers.

    A text with a verdict's word says that word and nothing else but its reason and numbers, so that
    no other word turns it. A number has two significant digits or more, so that it tells the
    claim's number from others; fewer only where the page writes it so (a margin, say), or where it
    is a whole number of the claim.

    Returns
    -------
    (quoted, findings)
        How many numbers and verdicts the text has, and what in it the evidence does not give.
    """
    texts = [*_verdict(link.text, claim)]
    text, triples = link.text, [match[0] for match in ESTIMATE.finditer(link.text)]
    for triple in triples:
        if not _is_estimate(claim, triple):
            texts.append(
                f"says {triple}; no estimate of the claim has these bounds: {_estimates(claim)}."
            )
        text = text.replace(triple, "")
    numbers = [n for n in printed(text) if not math.isnan(n.low)]
    texts += filter(None, (_number(number, claim) for number in numbers))
    findings = [
        Mismatch(
            file, "quoted", f"line {link.line}", f"[{link.text}] {problem}", claim.verdict.claim
        )
        for problem in texts
    ]
    return 3 * len(triples) + len(numbers) + len(_WORD.findall(link.text)), findings


def _verdict(text: str, claim: ClaimNumbers) -> Iterator[str]:
    v = claim.verdict
    words = _WORD.findall(text)
    if not words:
        return
    if others := sorted({word for word in words if word.lower() != v.verdict}):
        yield f"says {', '.join(others)}; the verdict is {v.verdict}."
        return
    match = _VERDICT.fullmatch(text.strip())
    if match is None or (match["rest"] and not _only_numbers(match["rest"], claim)):
        yield (
            f"says more than the verdict; write {v.verdict} alone, with its reason in brackets or"
            " numbers after it."
        )
        return
    if match["code"] and match["code"].replace(" ", "_") != v.reason_code:
        yield f"says {match['code']}; the reason is {v.reason_code}."
    if text.strip()[0] in GLYPHS.values() and text.strip()[0] != GLYPHS[v.verdict]:
        yield f"has the sign {text.strip()[0]}; that of {v.verdict} is {GLYPHS[v.verdict]}."


def _only_numbers(text: str, claim: ClaimNumbers) -> bool:
    rest = ESTIMATE.sub(" ", text)
    for number in printed(rest):
        rest = rest.replace(number.text, " ", 1)
    for unit in {unit_of(a.said).strip() for a in claim.assertions} - {""}:
        rest = rest.replace(unit, " ")
    return not any(not _BETWEEN.fullmatch(part) for part in re.findall(r"\w+|\S", rest))


def _is_estimate(claim: ClaimNumbers, text: str) -> bool:
    """Whether these are an estimate of the claim and the bounds of its interval.

    Their digits tell them from others, or the page of the claim writes them so.
    """
    numbers = printed(text)
    if len(numbers) != 3:
        return False
    middle, low, high = (number.middle for number in numbers)
    for a in claim.assertions:
        if not low < middle < high and text not in value_text(a.said):
            continue
        triples = [(a.estimate, b) for b in (a.interval, a.ordinary, a.refuting)]
        if a.ratio is not None:
            triples += [(a.ratio[0], b) for b in a.ratio[1:]]
        for estimate, bounds in triples:
            if bounds and all(map(agrees, numbers, (estimate, *bounds))):
                return True
    return False


def _number(number: Printed, claim: ClaimNumbers) -> str | None:
    """Say what is wrong with a number that is quoted alone; None where nothing is."""
    if math.isinf(number.low) != math.isinf(number.high):  # under or over something: a probability
        v = claim.verdict
        candidates = [v.adjusted_support, v.adjusted_refute]
        candidates += [p for a in claim.assertions for p in (*a.p, a.said.power) if p is not None]
    else:
        candidates = quotable(claim)
    if not any(agrees(number, own) for own in candidates):
        return f"says {number.text}, which is none of the claim's numbers: {_estimates(claim)}."
    if math.isinf(number.low) or math.isinf(number.high) or _digits(number.text) >= _FEWEST:
        return None
    if number.text.strip() in _coarse(claim):
        return None
    return (
        f"says {number.text}, which too many numbers round to; write two significant digits:"
        f" {_estimates(claim)}."
    )


def _digits(text: str) -> int:
    """How many significant digits a number is printed with.

    ``0.10`` has two, ``0.1`` one, and ``0.00`` none.
    """
    return len(re.sub(r"e.*|\D", "", text).lstrip("0"))


def _coarse(claim: ClaimNumbers) -> set[str]:
    """The numbers that a claim's page itself writes with few digits.

    They are declared numbers, estimates of few digits, powers and whole numbers.
    """
    v = claim.verdict
    texts = {str(v.n), str(v.family_size), exact(v.alpha)}
    for a in claim.assertions:
        result = a.said
        texts |= {
            exact(result.ratio.factor if result.ratio else result.margin),
            *(n.text for text in (value_text(result), margin_text(result)) for n in printed(text)),
        }
        texts |= {exact(x) for x in (result.anticipated,) if x is not None}
        texts |= {str(k) for k in result.seeds_needed or () if k is not None}
        texts |= {percent(power) for power in (a.said.power,) if power is not None}
    for figure, _ in claim.published:
        texts |= {
            exact(x) for x in map(figure.get, ("published", "spread")) if isinstance(x, int | float)
        }
    return texts


def _estimates(claim: ClaimNumbers) -> str:
    estimates = "; ".join(
        f"{a.estimate:.4g} [{a.interval[0]:.4g}, {a.interval[1]:.4g}]" for a in claim.assertions
    )
    return estimates.replace("-", "−") or "it has no estimate"
