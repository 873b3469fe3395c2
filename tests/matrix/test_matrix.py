"""Whatever goes wrong at a step of a push or a pull: the right image, or a clear error, nothing half done.

A share of the cells runs always; ``LAZYIMG_MATRIX=full`` runs them all, and writes the table of the docs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from matrix import table
from matrix.cells import BACKENDS, CELLS, Backend, Cell, Outcome, expected, reason, spread, turn
from matrix.faults import KINDS
from matrix.scenario import Counted, Stage, play
from matrix.steps import STEPS

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.mark.structures import ParameterSet
    from matrix.backends import Faulty
    from matrix.subject import Bench

IS_FULL = os.environ.get("LAZYIMG_MATRIX") == "full"
CHOSEN = CELLS if IS_FULL else [cell for backend in BACKENDS for cell in spread(backend)]

_found: dict[Cell, Outcome] = {}


def _parameter(cell: Cell) -> ParameterSet:
    marks = [pytest.mark.peer] if cell.backend == "docker-registry" else []
    return pytest.param(cell, cell.backend, id=cell.name, marks=marks)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("cell", "backend"), [_parameter(cell) for cell in CHOSEN], indirect=["backend"])
def test_cell(cell: Cell, backend: Faulty, bench: Bench, repository: str, tmp_path: Path) -> None:
    """A fault at a step ends as the rule says: the whole image, or an error and the old one."""
    verdict = play(cell, Stage(bench, backend, repository, tmp_path, Counted(bench.tar)))
    assert (verdict.outcome, verdict.problems) == (expected(cell), []), repr(verdict.error)
    _found[cell] = verdict.outcome


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_share_has_every_step_and_every_fault(backend: Backend) -> None:
    """What always runs leaves out no step, no fault and no end of one, at neither registry."""
    share = spread(backend)
    quick = {turn(cell) for cell in CELLS if cell.backend == backend and not cell.kind.is_slow}
    assert quick <= set(map(turn, share))
    assert {cell.step for cell in share} == set(STEPS)
    assert {cell.kind for cell in share} == set(KINDS)
    assert len(set(share)) == len(share)


def test_every_combination_is_a_cell_or_has_its_reason() -> None:
    """Nothing is left out in silence, and nothing is there twice."""
    combinations = {(step, kind) for step in STEPS for kind in KINDS}
    meant = {pair for pair in combinations if not reason(*pair)}
    assert {(cell.step, cell.kind) for cell in CELLS} == meant
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def test_the_docs_have_the_table_of_all_cells() -> None:
    """Steps, faults, numbers and outcomes of the page are the cells'; a run of all of them writes it."""
    if IS_FULL and len(_found) == len(CELLS):
        table.write(_found)
    assert table.written() == table.section({cell: expected(cell) for cell in CELLS})
