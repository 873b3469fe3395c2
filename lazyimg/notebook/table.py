"""A table that shows itself: what a plan will do, what a result did."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import field, frozen

from lazyimg.notebook.style import block, line
from lazyimg.notebook.text import columns, counted, escaped, fit, padded

ROWS = 60
"""Rows shown at most."""

COLUMNS = 12
"""Columns shown at most."""

CELL = 72
"""Columns of a terminal that one cell takes at most; in HTML, four times as many."""


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _rows(rows: Iterable[Iterable[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in rows)


@frozen
class Table:
    """Rows under named columns, with a title above and notes below.

    Cells are anything with a ``str``; None shows as nothing, and a column of numbers stands at the right.

    >>> print(Table("Layers", ["layer", "bytes"], [["base", 1200], ["app", 7]], notes=["2 layers"]))
    Layers
    layer  bytes
    -----  -----
    base    1200
    app        7
    2 layers

    Attributes:
        title: a line above; may be empty.
        columns: the columns' names.
        rows: one tuple of cells a row; a short one is filled with nothing.
        notes: lines below.
    """

    title: str
    columns: tuple[str, ...] = field(converter=_texts)
    rows: tuple[tuple[Any, ...], ...] = field(converter=_rows)
    notes: tuple[str, ...] = field(converter=_texts, default=())

    def to_text(self, limit: int = ROWS) -> str:
        """The table for a terminal: aligned columns, at most ``limit`` rows."""
        head, right, cells = self._shown(limit, CELL)
        widths = [max(columns(row[i]) for row in (head, *cells)) for i in range(len(head))]
        rule = tuple("-" * width for width in widths)
        lines = [_aligned(row, widths, right) for row in (head, rule, *cells)] if head else []
        around = [fit(note, 4 * CELL) for note in self._below(limit)]
        title = [fit(self.title, 4 * CELL)] if self.title else []
        return "\n".join([*title, *lines, *around])

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        title = line(fit(self.title, 4 * CELL), "title") if self.title else ""
        notes = (line(fit(note, 4 * CELL), "soft") for note in self._below(ROWS))
        return block(title, self.to_html(), *notes)

    def to_html(self) -> str:
        """The rows as a ``<table>``, without the looks, the title and the notes."""
        head, right, cells = self._shown(ROWS, 4 * CELL)
        if not head:
            return ""
        body = "".join(f"<tr>{_html_row(row, right, 'td')}</tr>" for row in cells)
        return (
            f'<table class="lazyimg-table"><thead><tr>{_html_row(head, right, "th")}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def _shown(
        self, limit: int, cell: int
    ) -> tuple[tuple[str, ...], tuple[bool, ...], list[tuple[str, ...]]]:
        """The names, which columns are numbers, and the texts of the cells, all cut to what is shown."""
        head = tuple(fit(name, cell) for name in self.columns[:COLUMNS])
        rows = [_filled(row, len(head)) for row in self.rows[:limit]]
        right = tuple(_is_number([row[i] for row in rows]) for i in range(len(head)))
        return head, right, [tuple(fit(_text(value), cell) for value in row) for row in rows]

    def _below(self, limit: int) -> Iterator[str]:
        if len(self.rows) > limit:
            yield f"... and {counted(len(self.rows) - limit, 'row')} more"
        if len(self.columns) > COLUMNS:
            yield f"... and {counted(len(self.columns) - COLUMNS, 'column')} more"
        yield from self.notes[:ROWS]


def _filled(row: Sequence[Any], length: int) -> tuple[Any, ...]:
    return (*row[:length], *(None for _ in range(length - len(row))))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_number(values: Iterable[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in present
    )


def _aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        " " * (width - columns(text)) + text if at_right else padded(text, width)
        for text, width, at_right in zip(row, widths, right, strict=True)
    )
    return "  ".join(cells).rstrip()


def _html_row(row: Sequence[str], right: Sequence[bool], tag: str) -> str:
    number = ' class="lazyimg-number"'
    return "".join(
        f"<{tag}{number if at_right else ''}>{escaped(text)}</{tag}>"
        for text, at_right in zip(row, right, strict=True)
    )
