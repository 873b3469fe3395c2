"""Where in the user's code a thunk was composed: taken from the frame, never by reading source."""

import os
import sys
from types import CodeType, FrameType
from typing import Any

from attrs import frozen

from lazyimg.thunk.run import is_inside

_PACKAGE = __name__.partition(".")[0]
_GENERATED = "<attrs generated"


@frozen
class Origin:
    """A line of the user's code.

    Attributes:
        file: the file's path, or ``cell N`` of a notebook.
        line: the line in it, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        """The place as a person reads it: relative to the working directory where that is shorter."""
        shown = self.file
        if shown.startswith(os.sep):
            shown = min(shown, _relative(shown), key=len)
        return f"{shown}, line {self.line}" if shown.startswith("cell ") else f"{shown}:{self.line}"


def _relative(file: str) -> str:
    try:
        return os.path.relpath(file)
    except OSError:  # the working directory is gone: an error under way must still be told
        return file


def here() -> Origin | None:
    """The innermost line that is neither this package nor a generated initialiser.

    Returns:
        The origin, or None for a thunk that an evaluation makes: the user composed none.
    """
    if is_inside():
        return None
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.stack() reads source files
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    return None if frame is None else Origin(_file_of(frame), frame.f_lineno)


def _is_ours(frame: FrameType) -> bool:
    if frame.f_code.co_filename.startswith(_GENERATED):
        return True
    module = str(frame.f_globals.get("__name__", ""))
    return module == _PACKAGE or module.startswith(_PACKAGE + ".")


def _file_of(frame: FrameType) -> str:
    cell = _cell_of(frame.f_code, frame.f_globals)
    return frame.f_code.co_filename if cell is None else f"cell {cell}"


def _cell_of(code: CodeType, names: dict[str, Any]) -> int | None:
    """The number of the notebook cell that holds ``code``, where IPython runs it and knows."""
    shell = names.get("get_ipython")
    if not callable(shell) or "IPython" not in sys.modules:
        return None
    known = getattr(getattr(shell(), "compile", None), "_filename_map", {})
    number = known.get(code.co_filename)
    return number if isinstance(number, int) else None
