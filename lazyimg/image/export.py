"""An image's merged filesystem as a tar file."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

from lazyimg.content.local import absolute
from lazyimg.engine import Engine
from lazyimg.image.files import files
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.thunk import Thunk

Export = str | os.PathLike[str] | BinaryIO


def export(image: Thunk[ImageState], target: Export, engine: Engine | None) -> None:
    """Write the filesystem of an image as a tar; see `lazyimg.Image.export`.

    Whether the target can be written is known before anything is read.
    """
    with _opened(target) as file, files(image, engine) as found:
        for piece in found.tar():
            _write(file, piece)


def _opened(target: Export) -> AbstractContextManager[Any]:
    if isinstance(target, str | os.PathLike):
        return _beside(target)
    return contextlib.nullcontext(target)


@contextmanager
def _beside(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole."""
    path = absolute(target)
    temporary = path.with_name(f".lazyimg-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(file: Any, data: bytes) -> None:
    """Write all of it; a file without a buffer may take less at a time."""
    rest = memoryview(data)
    while rest:
        written = file.write(rest)
        rest = rest[len(rest) if written is None else written :]
