"""A small file with secrets that several programs change: each change whole, and none of them lost.

Programs that change it in this way wait for each other, by a lock on the directory, which leaves nothing
behind. Those that do not are noticed: the file is read again right before the new one takes its place, and if
it is another by then the change is made to that one.
"""

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from lazyimg.registry.secret import SecretBytes

_SLICE = 0.02  # seconds
_TRIES = 50  # of a change, while others who do not wait make theirs
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF})


@frozen
class LockedFile:
    """A file that only its owner may read; constructing it touches nothing.

    Attributes:
        path: where it is; a symbolic link is followed, and stays.
        patience: how many seconds to wait for whoever holds the lock.
    """

    path: Path
    patience: float = 20.0

    def change(self, change: Callable[[bytes | None], bytes | None]) -> None:
        """Change the file: it is written beside and renamed, with mode 0600, in directories made with 0700.

        Args:
            change: from the bytes of the file, None if there is none, to the new ones, None to leave it
                alone. May be called several times.

        Raises:
            OSError: it cannot be read or written, or somebody holds the lock for too long.
            BaseException: what ``change`` raised; the file is as it was.
        """
        real = Path(os.path.realpath(self.path))
        _make(real.parent)
        with _locked(real.parent, self.patience):
            for _ in range(_TRIES):
                before = _read(real)
                after = change(before)
                if after is None or after == before or _replace(real, before, after):
                    return
        raise OSError(errno.EBUSY, "other programs go on changing it")


def _make(directory: Path) -> None:
    for one in [*reversed(directory.parents), directory]:
        with contextlib.suppress(FileExistsError):
            if not one.exists():
                one.mkdir(mode=0o700)


def _read(path: Path) -> SecretBytes | None:
    try:
        return SecretBytes(path.read_bytes())
    except FileNotFoundError:
        return None


def _replace(path: Path, before: bytes | None, after: bytes) -> bool:
    """Put new bytes in the file's place, unless it is no more what it was; tell whether that was done."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
            _keep_owner(path, file.fileno())
        if _read(path) != before:
            return False
        Path(name).replace(path)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _keep_owner(path: Path, handle: int) -> None:
    """Let the new file belong to whom the old one did, where we may: root may be logging somebody in."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        owner = path.stat()
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(handle, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def _locked(directory: Path, patience: float) -> Iterator[None]:
    """Hold the lock on a directory; where the file system knows no locks, go on without."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(handle, patience)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise OSError(errno.EBUSY, "another program holds the lock on its directory") from None
            time.sleep(_SLICE)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return
        else:
            return
