"""Examples in README and docs: found, run, and compared with what the pages say that they print."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FENCED = r"^```{language}[^\n]*\n(?P<code>.*?)^```$"
PYTHON = re.compile(
    FENCED.format(language="python") + r"(?:\n\n?^```text[^\n]*\n(?P<printed>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = {"example", "lazyimg"}
CODE = re.compile(r"`([^`]+)`")
SHELL = re.compile(FENCED.format(language="sh"), re.MULTILINE | re.DOTALL)


@frozen
class Example:
    """A Python block of a page, or a line of code in a table.

    Attributes:
        page: the page's path from the project's root.
        line: the line of the page that the code begins at.
        code: the code.
        printed: what it prints, with ``...`` for anything; None if the page does not say.
        heading: what the page calls the part that it stands in.
        is_cell: whether it stands in a table.
    """

    page: str
    line: int
    code: str
    printed: str | None = None
    heading: str = ""
    is_cell: bool = False

    def run(self, namespace: dict[str, object]) -> None:
        """Run it and compare what it prints; whatever it raises names the page and the line in it."""
        placed = "\n" * (self.line - 1) + self.code
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(placed, self.page, "exec"), namespace)  # noqa: S102 - our own pages
        if self.printed is not None:
            self._compare(printed.getvalue())

    def _compare(self, printed: str) -> None:
        expected = doctest.Example(self.code, self.printed or "")
        checker = doctest.OutputChecker()
        if not checker.check_output(expected.want, printed, doctest.ELLIPSIS):
            difference = checker.output_difference(expected, printed, doctest.ELLIPSIS | doctest.REPORT_UDIFF)
            pytest.fail(f"{self.page}:{self.line} prints something else\n{difference}", pytrace=False)


def pages() -> list[Path]:
    """Give README and the pages of docs."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


def examples_of(path: Path) -> list[Example]:
    """Give the Python blocks of a page, and the code in its tables' columns of examples, in order."""
    return sorted([*_blocks(path), *_cells(path)], key=lambda example: example.line)


def _blocks(path: Path) -> Iterator[Example]:
    text = path.read_text()
    for found in PYTHON.finditer(text):
        yield Example(
            _name(path), text.count("\n", 0, found.start("code")) + 1, found["code"], found["printed"]
        )


def _cells(path: Path) -> Iterator[Example]:
    """Give the code that stands in columns headed ``example`` or ``lazyimg``."""
    column, heading = None, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        heading = line.lstrip("#").strip() if line.startswith("#") else heading
        row = [cell.strip() for cell in line.split("|")[1:-1]] if line.startswith("|") else []
        if not row:
            column = None
        elif EXAMPLES.intersection(row):
            column = next(place for place, cell in enumerate(row) if cell in EXAMPLES)
        elif column is not None:
            for code in CODE.findall(row[column]):
                yield Example(_name(path), number, code, heading=heading, is_cell=True)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_of(path: Path) -> list[str]:
    """Give the ``sh`` blocks of a page, in order."""
    return [found["code"] for found in SHELL.finditer(path.read_text())]
