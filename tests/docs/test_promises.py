"""The pages that promise something name a test for each row, and the tests are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from support.pages import ROOT

PAGES = sorted((ROOT / "docs/promises").glob("*.md"))
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::([\w:]+))?[^`]*`")


def rows(page: Path) -> list[str]:
    """Give what stands in the column ``test`` of a page's tables, row by row."""
    found: list[str] = []
    is_listing = False
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            is_listing = False
        elif cells[-1] == "test":
            is_listing = True
        elif is_listing and set(cells[-1]) - set("-: "):
            found.append(cells[-1])
        elif is_listing and not cells[-1]:
            found.append("")
    return found


@cache
def functions(file: Path) -> set[str]:
    """Give the names of the functions and classes of a file of tests, as pytest is told them."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


ROWS = [pytest.param(cell, id=f"{page.stem}-{at}") for page in PAGES for at, cell in enumerate(rows(page), 1)]


@pytest.mark.parametrize("cell", ROWS)
def test_every_row_has_its_test(cell: str) -> None:
    """A row of the promises names at least one test, and each that it names exists."""
    named = TEST.findall(cell)
    assert named, "a row without a test"
    for file, function in named:
        assert (ROOT / file).is_file(), file
        assert not function or function in functions(ROOT / file), f"{file}::{function}"


@pytest.mark.parametrize("page", ["registries", "faults", "attacks", "credentials", "embedded"])
def test_every_page_has_rows(page: str) -> None:
    """Each page has a table with a column of tests, so that none escapes by another heading."""
    assert rows(ROOT / f"docs/promises/{page}.md")
