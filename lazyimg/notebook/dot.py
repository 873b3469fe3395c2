"""A view in the language of Graphviz, for whoever has it."""

import json
from collections.abc import Iterator

from lazyimg.notebook.text import fit
from lazyimg.notebook.view import View

_COLOURS = {"pure": "#8792a6", "effectful": "#d9822b", "known": "#2f9e68", "more": "#8792a6"}


def dot_of(view: View) -> str:
    """The drawing as a ``digraph``; nodes are numbered, inputs first."""
    return "\n".join(
        ["digraph lazyimg {", '  node [shape=box, fontname="sans-serif"];', *_body(view), "}", ""]
    )


def _body(view: View) -> Iterator[str]:
    for number, node in enumerate(view.nodes):
        label = "\n".join(fit(text, 60) for text in (node.name, node.detail) if text)
        style = ", style=dashed" if node.kind == "more" else ""
        yield f'  {number} [label={_quoted(label)}, color="{_COLOURS[node.kind]}"{style}];'
    for edge in view.edges:
        yield f"  {edge.source} -> {edge.target}{' [style=dashed]' if edge.order else ''};"


def _quoted(label: str) -> str:
    r"""A string of the language: quotes and backslashes escaped, so that no escape of its own is met."""
    return json.dumps(label, ensure_ascii=False)
