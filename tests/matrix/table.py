"""The matrix as a table of the docs: what a run has found, and what is no cell and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.cells import BACKENDS, CELLS, Cell, Outcome, reason
from matrix.faults import KINDS, Kind
from matrix.steps import STEPS, Step
from support.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = ROOT / "docs/promises/faults.md"
BEGIN, END = "<!-- matrix: made by the run of it -->\n", "<!-- matrix: end -->\n"

SIGNS: dict[Outcome, str] = {"whole": "✔", "error": "✘"}


def section(outcomes: Mapping[Cell, Outcome]) -> str:
    """Return what the docs say of a run, which has to be one of all cells."""
    reasons = list(dict.fromkeys(why for step in STEPS for kind in KINDS if (why := reason(step, kind))))
    head = ["step", *(kind.name for kind in KINDS)]
    lines = [_line(head), _line(["---", *(":-:" for _ in KINDS)])]
    lines += [_line([step.name, *(_sign(step, kind, outcomes, reasons) for kind in KINDS)]) for step in STEPS]
    notes = [f"- {number}: {why}." for number, why in enumerate(reasons, 1)]
    return "\n".join([_sizes(outcomes), "", *lines, "", *notes, ""])


def _sizes(outcomes: Mapping[Cell, Outcome]) -> str:
    counts = {sign: sum(found == sign for found in outcomes.values()) for sign in SIGNS}
    shares = " and ".join(
        f"{sum(cell.backend == backend for cell in outcomes)} against {NAMES[backend]}"
        for backend in BACKENDS
    )
    nothing = len(STEPS) * len(KINDS) * len(BACKENDS) - len(CELLS)
    return (
        f"{len(STEPS)} steps, {len(KINDS)} faults, {len(BACKENDS)} registries: "
        f"{len(outcomes)} of {len(CELLS)} cells "
        f"were run, {shares}.\n{counts['whole']} ended with the whole image (✔), "
        f"{counts['error']} with a clear error and the old one (✘); none failed, none is skipped.\n"
        f"The other {nothing} combinations mean nothing, for the reason whose number they have."
    )


NAMES = {"embedded": "the embedded registry", "docker-registry": "Debian's `docker-registry`"}


def _line(fields: list[str]) -> str:
    return f"| {' | '.join(fields)} |"


def _sign(step: Step, kind: Kind, outcomes: Mapping[Cell, Outcome], reasons: list[str]) -> str:
    why = reason(step, kind)
    if why is not None:
        return str(reasons.index(why) + 1)
    found = [SIGNS[outcomes[Cell(step, kind, backend)]] for backend in BACKENDS]
    return found[0] if len(set(found)) == 1 else "/".join(found)


def written() -> str:
    """Return what the docs say now."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def write(outcomes: Mapping[Cell, Outcome]) -> None:
    """Write the section into the docs."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{begin}{section(outcomes)}{END}{rest.partition(END)[2]}")
