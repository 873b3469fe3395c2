"""Walking a directory tree in the order of a layer: by the bytes of the names, parents first.

Names compare as they stand in a tar, a directory's with its slash, so that what is in a directory follows
it at once. Only the listings of the directories above are held in memory.
"""

import os
import stat
from collections.abc import Callable, Iterator

from attrs import frozen

from lazyimg.content.entry import decoded
from lazyimg.content.local import changed, failure
from lazyimg.errors import SourceError


@frozen
class Found:
    """What a walk came by.

    Attributes:
        path: where it lies on this machine.
        name: relative to the root of the walk, with a slash at the end of a directory's.
        stat: what the system says of it, links not followed.
    """

    path: bytes
    name: bytes
    stat: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, and no link to one."""
        return stat.S_ISDIR(self.stat.st_mode)


def walk(root: bytes, excluded: Callable[[str], bool]) -> Iterator[Found]:
    """Yield everything below ``root``, the root itself left out.

    Args:
        root: the directory.
        excluded: asked for each relative path; what is in an excluded directory is not looked at.

    Raises:
        SourceError: a directory cannot be read.
        SourceChanged: something vanished between the listing and the look at it.
    """
    stack = [_listing(root, b"", first=True)]
    while stack:
        for found in stack[-1]:
            if excluded(decoded(found.name)):
                continue
            yield found
            if found.is_directory:
                stack.append(_listing(found.path, found.name))
                break
        else:
            stack.pop()


def _listing(path: bytes, prefix: bytes, *, first: bool = False) -> Iterator[Found]:
    """Yield what is in one directory, in order."""
    try:
        with os.scandir(path) as entries:
            names = sorted((_name(entry), entry) for entry in entries)
    except FileNotFoundError as error:
        raise (failure(error, "list", path) if first else changed(path, "vanished")) from error
    except NotADirectoryError as error:
        raise SourceError(
            f"{decoded(path)} is no directory: use Layer.from_files or Layer.from_tar"
        ) from error
    except OSError as error:
        raise failure(error, "list", path) from error
    for name, entry in names:
        yield Found(entry.path, prefix + name, _look(entry))


def _name(entry: "os.DirEntry[bytes]") -> bytes:
    return entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name


def _look(entry: "os.DirEntry[bytes]") -> os.stat_result:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError as error:
        raise changed(entry.path, "vanished") from error
    except OSError as error:
        raise failure(error, "look at", entry.path) from error
