"""Opening what lies below a directory, and nothing else: no link is followed on the way.

A layout may come from anybody. A ``blobs`` directory or an ``index.json`` that is a symbolic link would make
a reader read, and perhaps send, a file that is not the layout's.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from lazyimg.content.local import failure, shown
from lazyimg.errors import LayoutError

_FOUND_ODD = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR}


def open_below(directory: Path, *names: str) -> BinaryIO | None:
    """Open a regular file below ``directory`` for reading; None if it is not there.

    Args:
        directory: where to begin; links on the way to it are the user's own, and followed.
        names: the directories on the way, and last the file.

    Raises:
        LayoutError: something on the way is a link, or the file is no regular file.
        SourceError: the system does not let it be read.
    """
    path = directory.joinpath(*names)
    try:
        descriptor = _open(directory, names)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _FOUND_ODD and directory.is_dir():
            raise _odd(path) from error
        raise failure(error, "open", path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _odd(path)
    return os.fdopen(descriptor, "rb", buffering=0)


def _odd(path: Path) -> LayoutError:
    return LayoutError(f"{shown(path)} is no regular file: a blob is never followed elsewhere")


def _open(directory: Path, names: tuple[str, ...]) -> int:
    with contextlib.ExitStack() as stack:
        here = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, here)
        for name in names[:-1]:
            here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            stack.callback(os.close, here)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO is not waited for
        return os.open(names[-1], flags, dir_fd=here)
