"""Values as the demo shows them: tables and drawings that fit the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rich.console import Group
from rich.table import Table
from rich.text import Text

from lazyimg.content.counters import told_of
from lazyimg.errors import visible
from lazyimg.notebook.graph import Graph
from lazyimg.notebook.text import counted
from lazyimg.oci.media_type import is_image_config, is_layer
from lazyimg.server.request import Request
from lazyimg.write.plan import Plan
from lazyimg.write.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lazyimg.oci.descriptor import Descriptor

_REFUSED = 400
_DIGEST = re.compile(r"(sha\d+:[0-9a-f]{12})[0-9a-f]{52,}")
_UPLOAD = re.compile(r"([0-9a-f]{8})[0-9a-f]{24}\b")
_HOW = {"uploaded": "green", "mounted": "cyan", "in place": "cyan"}


def display(value: Any) -> RenderableType:
    """A value as a person looks at it."""
    if isinstance(value, Graph):
        return _graph(value)
    if isinstance(value, Plan):
        return _plan(value)
    if isinstance(value, Result):
        return _result(value)
    if isinstance(value, list) and all(isinstance(item, Request) for item in value):
        return _requests(value)
    return Text(visible(value if isinstance(value, str) else repr(value)), "bold")


def _graph(graph: Graph) -> RenderableType:
    text = Text(graph.to_text(), no_wrap=True, overflow="ellipsis")
    text.highlight_regex("◆", "yellow")
    text.highlight_regex("●", "blue")
    legend = Text.assemble(("◆", "yellow"), " has an effect   ", ("●", "blue"), " is pure", style="dim")
    return Group(text, legend)


def _plan(plan: Plan) -> RenderableType:
    table = _table("", "step", "what", "composed at")
    for number, step in enumerate(plan.steps, 1):
        name = Text(step.name, "bold yellow" if number == 1 else "")
        _add(table, number, name, step.what, step.origin or "")
    return table


def _result(result: Result) -> RenderableType:
    table = _table("", "what", "digest", "bytes", numbers=("bytes",))
    ways = (("uploaded", result.uploaded), ("mounted", result.mounted), ("in place", result.existing))
    for how, descriptors in ways:
        for one in descriptors:
            digest = f"{one.digest.algorithm}:{one.digest.short}"
            _add(table, Text(how, _HOW[how]), _kind(one), digest, f"{one.size:,}")
    return Group(table, Text(_told(result)), Text(f"written: {result.digest}", "bold green"))


def _told(result: Result) -> str:
    """What moved, and what did not have to, in a line."""
    spared = sum(one.size for one in (*result.mounted, *result.existing))
    return f"{result.bytes_sent:,} bytes sent, {spared:,} not sent; " + told_of(
        result.opened, result.bytes_read
    )


def _kind(descriptor: Descriptor) -> str:
    if is_layer(descriptor.media_type):
        return "layer"
    return "config" if is_image_config(descriptor.media_type) else "manifest"


def _requests(requests: Sequence[Request]) -> RenderableType:
    if not requests:
        return Text("no request", "bold")
    table = _table("", "request", "status", "bytes sent", numbers=("", "bytes sent"))
    for number, request in enumerate(requests, 1):
        status = Text(str(request.status), "bold red" if (request.status or 0) >= _REFUSED else "")
        _add(table, number, _line(request), status, f"{request.bytes_in:,}")
    return Group(table, Text(counted(len(requests), "request")))


def _line(request: Request) -> str:
    """A request with its long names cut short.

    >>> _line(Request("PUT", "/v2/app/blobs/uploads/" + 32 * "a", "digest=sha256%3A" + 64 * "b"))
    'PUT /v2/app/blobs/uploads/aaaaaaaa…?digest=sha256:bbbbbbbbbbbb…'
    """
    target = f"{request.path}?{request.query}" if request.query else request.path
    shown = _UPLOAD.sub(r"\1…", _DIGEST.sub(r"\1…", unquote(target)))
    return f"{request.method} {shown}"


def _table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(Text(column), justify="right" if column in numbers else "left", overflow="fold")
    return table


def _add(table: Table, *cells: object) -> None:
    """Add a row; texts are texts here, whatever brackets are in them."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in cells))
