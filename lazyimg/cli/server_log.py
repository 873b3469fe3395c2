"""What ``lazyimg registry serve`` tells on standard error: what failed, and each request if one wants it."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lazyimg.errors import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVELS = {"lazyimg.server": logging.INFO, "uvicorn.error": logging.WARNING}
"""Who says something, and from which level on it is worth reading."""


class Lines(logging.Formatter):
    """One line for whatever happens, with the time in UTC; and how it came to it, if that is wanted.

    Args:
        with_traces: whether tracebacks follow.
    """

    def __init__(self, *, with_traces: bool) -> None:
        super().__init__()
        self._with_traces = with_traces

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            text += f": {type(error).__name__}: {error}"
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        line = f"{when} {visible(text).rstrip()}".replace("\n", "\\n")
        if self._with_traces and record.exc_info:
            line += f"\n{visible(self.formatException(record.exc_info))}"
        return line


@contextmanager
def telling(*, everything: bool) -> Iterator[None]:
    """Tell what the server logs, as long as the block lasts.

    Args:
        everything: each request too, and how it came to an error; else what failed.
    """
    with ExitStack() as stack:
        for name, level in _LEVELS.items():
            stack.enter_context(_told(name, level if everything else logging.ERROR, with_traces=everything))
        yield


@contextmanager
def _told(name: str, level: int, *, with_traces: bool) -> Iterator[None]:
    logger, handler = logging.getLogger(name), logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(with_traces=with_traces))
    handler.setLevel(level)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
