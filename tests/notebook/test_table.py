"""A table that shows itself, aligned and bounded."""

import pickle
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.notebook.table import COLUMNS, ROWS, Table
from lazyimg.notebook.text import columns as width

Parsed = Callable[[str], ET.Element]


def test_columns_are_aligned_and_numbers_stand_at_the_right() -> None:
    """A column of numbers lines up its last digits, texts their first letters."""
    table = Table(
        "Layers",
        ["layer", "bytes", "share", "done"],
        [["base", 1200, 0.5, True], ["画像", 7, None, False], ["short"]],
        notes=["of 3"],
    )
    assert str(table).splitlines() == [
        "Layers",
        "layer  bytes  share  done",
        "-----  -----  -----  -----",
        "base    1200    0.5  True",
        "画像       7         False",
        "short",
        "of 3",
    ]


def test_a_table_is_a_frozen_value() -> None:
    """It keeps tuples of what it was given, compares by content, and is pickled."""
    table = Table("t", ["a"], [[1]])
    assert table == Table("t", ("a",), ((1,),)) == pickle.loads(pickle.dumps(table))  # noqa: S301 - our own
    with pytest.raises(FrozenInstanceError):
        table.title = "other"  # type: ignore[misc]


def test_html_has_the_same_cells(parsed: Parsed) -> None:
    """Title, heads, cells and notes, escaped; numbers marked as such."""
    root = parsed(Table("<T>", ["a", "b"], [["<x>", 1], [None, 2]], ["n & m"])._repr_html_())
    assert [e.text for e in root.iter("th")] == ["a", "b"]
    assert [e.text for e in root.iter("td")] == ["<x>", "1", None, "2"]
    assert [e.get("class") for e in root.iter("td")] == [None, "lazyimg-number"] * 2
    assert {"<T>", "n & m"} <= {e.text for e in root.iter("div")}


def test_rows_beyond_the_limit_are_counted(parsed: Parsed) -> None:
    """A hundred thousand rows show as sixty and a number."""
    table = Table("", ["n"], [[n] for n in range(100_000)])
    assert len(str(table).splitlines()) == ROWS + 3
    assert str(table).endswith("... and 99,940 rows more")
    root = parsed(table._repr_html_())
    assert len(list(root.iter("tr"))) == ROWS + 1
    assert len(table._repr_html_()) < 20_000
    assert table.to_text(limit=1).splitlines()[-1] == "... and 99,999 rows more"


def test_columns_beyond_the_limit_are_counted() -> None:
    """A table with hundreds of columns shows the first."""
    table = Table("", [f"c{n}" for n in range(500)], [range(500)])
    assert str(table).splitlines()[-1] == f"... and {500 - COLUMNS} columns more"


def test_long_cells_titles_and_notes_are_cut() -> None:
    """No text makes a line without end, nor do notes without number."""
    table = Table("t" * 10_000, ["h" * 10_000], [["c" * 10_000]], ["n" * 10_000] * 1_000)
    assert max(map(len, str(table).splitlines())) < 400
    assert len(table._repr_html_()) < 60_000


@pytest.mark.parametrize("table", [Table("", [], []), Table("", [], [[1, 2]]), Table("", ["a"], [])])
def test_an_empty_table_shows_next_to_nothing(table: Table, parsed: Parsed) -> None:
    """No rows, or no columns, are no reason to fail."""
    assert len(str(table).splitlines()) in {0, 2}
    assert parsed(table._repr_html_()) is not None


CELLS = st.none() | st.integers() | st.booleans() | st.text(st.characters(codec=None))


@given(st.lists(st.lists(CELLS, max_size=4), max_size=6), st.text(st.characters(codec=None)))
def test_any_cells_are_shown_aligned_and_escaped(rows: list[list[Any]], title: str) -> None:
    """Whatever the cells hold, every line is one line, and the HTML is well formed."""
    table = Table(title, ["a", title, "c"], rows, [title])
    lines = str(table).split("\n")
    assert len(lines) == 2 + len(rows) + (2 if title else 1)
    rule = lines[2 if title else 1]
    assert all(width(line) <= width(rule) for line in lines[1 if title else 0 :][: 2 + len(rows)])
    assert ET.fromstring(table._repr_html_()) is not None  # noqa: S314 - our own text
