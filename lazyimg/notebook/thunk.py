"""One thunk as a card: what it is, what it holds, what is known of it, and the graph below it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from lazyimg.notebook.graph import Graph, drawing
from lazyimg.notebook.style import block, line
from lazyimg.notebook.text import counted, escaped, fit
from lazyimg.notebook.view import view_of
from lazyimg.notebook.words import own_parameters
from lazyimg.thunk.thunk import Thunk

SHORT = 12
"""Characters of a key that a card shows."""

ROWS = 24
"""Parameters, and known things, that a card shows at most."""

TEXT = 200
"""Columns of one text that a card shows at most."""

NOTHING: Mapping[str, str] = MappingProxyType({})


def thunk_html(thunk: Thunk[Any], known: Mapping[str, str] = NOTHING) -> str:
    """A card for one thunk, as HTML that needs nothing around it. Forces nothing.

    Args:
        thunk: what the card is about.
        known: by label (such as ``digest``), what is known of it; an empty text is still pending.
    """
    graph = Graph.of(thunk, known={thunk.key: _settled(known)})
    return block(
        _title(thunk),
        _rows(own_parameters(thunk)),
        _rows(known.items()),
        _identity(thunk, len(graph)),
        drawing(view_of(graph)),
    )


def _title(thunk: Thunk[Any]) -> str:
    name, about = (escaped(fit(t, TEXT)) for t in (thunk.name, _first_line(type(thunk).__doc__)))
    return f'<div><span class="lazyimg-title">{name}</span> <span class="lazyimg-soft">{about}</span></div>'


def _first_line(docstring: object) -> str:
    lines = docstring.strip().splitlines() if isinstance(docstring, str) else []
    return lines[0].strip() if lines else ""


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    """Names and texts as a table; an empty text reads as pending."""
    shown = list(rows)
    body = [
        f'<tr><td class="lazyimg-soft">{escaped(fit(name, TEXT))}</td>'
        f'<td class="lazyimg-code">{_cell(text)}</td></tr>'
        for name, text in shown[:ROWS]
    ]
    if len(shown) > ROWS:
        body.append(f'<tr><td class="lazyimg-soft" colspan="2">... and {len(shown) - ROWS} more</td></tr>')
    return f'<table class="lazyimg-table"><tbody>{"".join(body)}</tbody></table>' if body else ""


def _cell(text: str) -> str:
    return escaped(fit(text, TEXT)) if text else '<span class="lazyimg-waits">pending</span>'


def _identity(thunk: Thunk[Any], size: int) -> str:
    origin = f", composed at {thunk.origin}" if thunk.origin is not None else ""
    return line(fit(f"key {thunk.key[:SHORT]}{origin}, {counted(size, 'thunk')} in its graph", TEXT), "soft")


def _settled(known: Mapping[str, str]) -> str:
    """What the drawing says of the thunk, once nothing of it is pending."""
    settled = bool(known) and all(known.values())
    return ", ".join(f"{label} {text}" for label, text in known.items()) if settled else ""
