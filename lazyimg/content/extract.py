"""A merged filesystem on a disk of this machine.

Its directory is new or empty, and a merged filesystem has a real directory above everything, so nothing is
ever written through a link, or outside.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lazyimg.content.entry import Entry
from lazyimg.content.layer_path import ROOT
from lazyimg.errors import InvalidContent

if TYPE_CHECKING:
    from lazyimg.content.merged import Merged
    from lazyimg.content.tar_header import Member
    from lazyimg.content.tree import Row

_OWNER_ALONE = 0o700


def extract(merged: "Merged", directory: Path) -> tuple[str, ...]:
    """Write all there is; owners only where this process is root's.

    Args:
        merged: the filesystem.
        directory: made if it is missing.

    Returns:
        The paths of the devices, which are left out.

    Raises:
        FileExistsError: the directory is not empty.
        OSError: something cannot be written.
        InvalidContent: an entry has an owner or a time that no system has.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty: name an empty or a new directory to extract into")
    root, devices = os.fsencode(directory), list[str]()
    for row in merged.tree.rows():
        member = merged.member(row)
        entry = merged.entry(row, member)
        if entry.kind in ("character", "block", "hardlink"):
            devices.append(entry.path)
        elif row.place != ROOT:
            _write(merged, root, row, entry, member)
    for row in merged.tree.rows():
        if row.kind == "directory" and row.start is not None:
            _set_attributes(_at(root, row.place), merged.entry(row, merged.member(row)))
    return tuple(devices)


def _write(merged: "Merged", root: bytes, row: "Row", entry: Entry, member: "Member | None") -> None:
    path = _at(root, row.place)
    if entry.kind == "directory":
        os.mkdir(path, _OWNER_ALONE if member is not None else entry.mode)  # noqa: PTH102 - bytes
        return
    if entry.kind == "file" and row.first is not None and row.first != row.place:
        os.link(_at(root, row.first), path, follow_symlinks=False)
        return
    if entry.kind == "symlink":
        os.symlink(row.target or b"", path)  # noqa: PTH211 - bytes
    elif entry.kind == "fifo":
        os.mkfifo(path, _OWNER_ALONE)
    elif member is not None:
        with open(path, "xb") as file:  # noqa: PTH123 - bytes
            file.writelines(merged.content(row, member))
    _set_attributes(path, entry)


def _set_attributes(path: bytes, entry: Entry) -> None:
    try:
        _set(path, entry)
    except OverflowError as error:
        raise InvalidContent(
            f"{entry.path!r} cannot be extracted: its owner or time is beyond what a system has ({error})"
        ) from error


def _set(path: bytes, entry: Entry) -> None:
    if os.geteuid() == 0:
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != "symlink":
        os.chmod(path, entry.mode)  # noqa: PTH101 - bytes
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)


def _at(root: bytes, place: bytes) -> bytes:
    return os.path.join(root, place)  # noqa: PTH118 - bytes
