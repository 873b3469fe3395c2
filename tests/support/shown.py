"""Everything that could be shown of an object or an error, to look for a secret in it."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import pickle
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from rich.console import Console
from rich.pretty import Pretty

import lazyimg

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = str(Path(lazyimg.__file__).parent)


def forms_of(secret: str, user: str = "me") -> set[str]:
    """Return the forms in which a secret may be shown, from as it is to as it travels."""
    raw, in_json = secret.encode(), json.dumps(secret)[1:-1]
    encoded = [
        one(data) for one in (base64.b64encode, base64.urlsafe_b64encode) for data in (raw, _pair(user, raw))
    ]
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
        in_json,
        json.dumps(in_json)[1:-1],
        repr(in_json)[1:-1],
        repr(secret)[1:-1],
        repr(raw)[2:-1],
        *(one.decode().rstrip("=") for one in encoded),
    }


def _pair(user: str, raw: bytes) -> bytes:
    return user.encode() + b":" + raw


def shown(*things: object) -> str:
    """Return all texts that things have, for people and for files: ``repr``, views, pickle, traceback."""
    return "\n".join(text for thing in things for text in _texts(thing))


def _texts(thing: object) -> Iterator[str]:
    yield from (str(thing), repr(thing), pretty(thing))
    for view in ("_repr_html_", "_repr_svg_", "_repr_markdown_"):
        method = getattr(thing, view, None)
        if callable(method) and not isinstance(thing, type):
            yield str(method())
    if isinstance(thing, BaseException):
        yield from _told(thing)
    elif not isinstance(thing, str):
        yield pickled(thing)


def _told(error: BaseException) -> Iterator[str]:
    """Give what is printed of an error: as Python does, and the values of our own variables besides."""
    yield "".join(traceback.format_exception(error))
    yield repr(vars(error)) + pickled(error)
    seen: BaseException | None = error
    while seen is not None:
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            if frame.f_code.co_filename.startswith(ROOT):
                for name, value in frame.f_locals.items():
                    yield f"{frame.f_code.co_qualname} {name} = {_safe_repr(value)} {pretty(value)}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def pretty(value: object) -> str:
    """Return how rich shows a value among the variables of a frame, which looks into objects by itself."""
    console = Console(file=io.StringIO(), width=100_000)
    console.print(Pretty(value, max_string=80))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - as a traceback does
        return f"<{type(error).__name__}>"


def pickled(thing: object) -> str:
    """Return a pickle as text; empty if the thing refuses."""
    try:
        return pickle.dumps(thing, protocol=0).decode("latin-1")
    except Exception:  # noqa: BLE001 - whatever it refuses with
        return ""


class Listener(logging.Handler):
    """Keeps every message that is logged, by whichever library."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {record.__dict__}")
