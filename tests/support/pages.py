"""Examples in README and docs: found, run, and compared with what the pages say that they print."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
FENCED = r"^```{language}[^\n]*\n(?P<code>.*?)^```$"
PYTHON = re.compile(
    FENCED.format(language="python") + r"(?:\n\n?^```text[^\n]*\n(?P<printed>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
SHELL = re.compile(FENCED.format(language="sh"), re.MULTILINE | re.DOTALL)


@frozen
class Example:
    """A Python block of a page.

    Attributes:
        page: the page's path from the project's root.
        line: the line of the page that the code begins at.
        code: the code.
        printed: what it prints, with ``...`` for anything; None if the page does not say.
    """

    page: str
    line: int
    code: str
    printed: str | None

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
    """Give the Python blocks of a page, in order."""
    text = path.read_text()
    name = str(path.relative_to(ROOT))
    return [
        Example(name, text.count("\n", 0, found.start("code")) + 1, found["code"], found["printed"])
        for found in PYTHON.finditer(text)
    ]


def commands_of(path: Path) -> list[str]:
    """Give the ``sh`` blocks of a page, in order."""
    return [found["code"] for found in SHELL.finditer(path.read_text())]
