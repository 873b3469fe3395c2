"""A terminal, or a pipe, that code, values and words are shown on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from lazyimg.cli.display import display

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPED = 500
"""Columns where standard output is no terminal: whoever reads it breaks lines, or does not."""

INDENT = 6
"""Columns that lie left of code and of values: the numbers of the lines stand there."""


class Screen:
    """Standard output: in colours, and no wider than it is, where it is a terminal."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        self._console = console if console.is_terminal else Console(highlight=False, width=PIPED)
        self._is_gap = False

    def head(self, words: str) -> None:
        """Begin."""
        self._show(Text(words, "bold"), 0)

    def title(self, title: str, about: str) -> None:
        """Begin a chapter."""
        self.gap()
        self._show(Text(title, "bold"), 0)
        self._show(Text(about, "italic"), 0)
        self.gap()

    def code(self, code: str, number: int) -> None:
        """Show lines of Python, the first of them with this number."""
        lines = Syntax(code, "python", theme="ansi_dark").highlight(code).split("\n")
        for at, line in enumerate(lines, number):
            self._line(Text.assemble((f"{at:>4}  ", "dim"), line))

    def value(self, value: Any) -> None:
        """Show what an expression gave."""
        self._show(display(value))
        self.gap()

    def say(self, *words: object) -> None:
        """Show words, as ``print`` does."""
        text = Text(" ".join(map(str, words)))
        text.highlight_words(["denied:"], "bold red")
        self._show(text)

    def gap(self) -> None:
        """Leave one line empty."""
        if not self._is_gap:
            self._line(Text())

    def _show(self, what: RenderableType, indent: int = INDENT) -> None:
        """Show something without the spaces that would fill its lines up."""
        options = self._console.options.update(width=max(1, self._console.width - indent))
        for line in self._console.render_lines(what, options, pad=False):
            self._line(Text.assemble(" " * indent, *((part.text, part.style or "") for part in line)))

    def _line(self, text: Text) -> None:
        text.rstrip()
        self._is_gap = not text.plain
        self._console.print(text, soft_wrap=True)
