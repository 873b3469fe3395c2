"""Applies layers to a real directory, one by one, as image-spec layer.md says; run as root, as a program.

It knows nothing of lazyimg: Python's tarfile reads the layers, and the kernel, in a chroot, follows links.

    apply_layers.py

reads lines of JSON, each a list of a directory and of layers' files, and prints a line for each: what the
directory holds then, as JSON; or what was refused. A process of its own applies each.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import sys
import tarfile
from typing import Any

GRAVE = "/\x01grave"
ASIDE = "/\x01aside"
SPECIAL = (GRAVE[1:], ASIDE[1:])
KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
}


class RefusedError(Exception):
    """A layer that no tool could apply."""


def read(path: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Give the members of a tar with their contents."""
    with tarfile.open(path, errorlevel=2) as archive:
        found = []
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            found.append((member, file.read() if file else b""))
        return found


def clean(name: str) -> str:
    """Give a member's path from the root on."""
    return "/" + "/".join(part for part in name.split("/") if part not in ("", "."))


def remove(path: str) -> None:
    """Remove whatever stands at a path."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def where(directory: str, replaced: set[str]) -> str | None:
    """Say where a directory really is, or would be; not through links that are about to be replaced."""
    at, parts, links = "/", directory.split("/")[::-1], 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        at = os.path.dirname(at) if part == ".." else os.path.join(at, part)
        if os.path.islink(at):
            links += 1
            if links > 40 or at in replaced:
                return None
            target = os.readlink(at)
            at = "/" if target.startswith("/") else os.path.dirname(at)
            parts += target.split("/")[::-1]
        elif os.path.lexists(at) and not os.path.isdir(at):
            return None
    return at


def hide(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Remove what the whiteouts of a layer hide, aside into a grave: all of it, before anything is added."""
    paths = [clean(member.name) for member, _ in members]
    own = {path for path in paths if not os.path.basename(path).startswith(".wh.")}
    doomed = []
    for path in paths:
        above, name = os.path.split(path)
        directory = where(above, own) if name.startswith(".wh.") else None
        if directory is None:
            continue
        if name == ".wh..wh..opq":
            if os.path.isdir(directory):
                doomed += [os.path.join(directory, child) for child in os.listdir(directory)]
        else:
            doomed.append(os.path.join(directory, name[len(".wh.") :]))
    for path in sorted(doomed):
        if os.path.lexists(path) and os.path.basename(path) not in SPECIAL:
            os.makedirs(os.path.dirname(GRAVE + path), exist_ok=True)
            remove(GRAVE + path)
            os.rename(path, GRAVE + path)


def enter(directory: str) -> str:
    """Make a directory where there is none, and say where it really is."""
    at = "/"
    for part in directory.split("/"):
        if part in ("", "."):
            continue
        path = os.path.join(at, part)
        at = path
        if os.path.isdir(path):
            at = os.path.realpath(path)
        elif os.path.islink(path) and dangles(path) and (real := where(path, set())):
            at = enter(real)
        else:
            remove(path)
            os.mkdir(path)
    return at


def dangles(link: str) -> bool:
    """Say whether a link leads to a place where there is nothing."""
    try:
        os.stat(link)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def linked(name: str) -> str:
    """Say where the target of a hard link is."""
    above, last = os.path.split(clean(name))
    directory = where(above, set())
    for path in ([] if directory is None else [os.path.join(directory, last)]) + [clean(name)]:
        if directory is not None and path.startswith(directory) and os.path.lexists(path):
            return path
        buried = GRAVE + path
        if os.path.lexists(buried) and os.path.realpath(os.path.dirname(buried)) == os.path.dirname(buried):
            return buried
    raise RefusedError(name)


def put(member: tarfile.TarInfo, content: bytes) -> None:
    """Add one entry."""
    path = clean(member.name)
    if path == "/":
        attributes(path, member)
        return
    at = os.path.join(enter(os.path.dirname(path)), os.path.basename(path))
    if member.islnk():
        target = linked(member.linkname)
        if os.path.isdir(target) and not os.path.islink(target):
            raise RefusedError(member.linkname)
        os.link(target, ASIDE, follow_symlinks=False)
        remove(at)
        os.rename(ASIDE, at)
        return
    if not (member.isdir() and os.path.isdir(at) and not os.path.islink(at)):
        remove(at)
        make(at, member, content)
    attributes(at, member)


def make(at: str, member: tarfile.TarInfo, content: bytes) -> None:
    """Make what stands in an entry."""
    if member.isdir():
        os.mkdir(at)
    elif member.issym():
        os.symlink(member.linkname, at)
    elif member.isreg():
        with open(at, "wb") as file:
            file.write(content)
    else:
        kind = {tarfile.FIFOTYPE: stat.S_IFIFO, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}
        os.mknod(at, kind[member.type] | 0o600, os.makedev(member.devmajor, member.devminor))


def attributes(at: str, member: tarfile.TarInfo) -> None:
    """Set owner, mode and time."""
    os.lchown(at, member.uid, member.gid)
    if not os.path.islink(at):
        os.chmod(at, member.mode)
    os.utime(at, (0, member.mtime), follow_symlinks=False)


def told() -> dict[str, Any]:
    """Say what the directory holds: hard links by the first of their names."""
    found: dict[str, Any] = {}
    first: dict[tuple[int, int], str] = {}
    for directory, directories, files in os.walk("/"):
        directories[:] = sorted(name for name in directories if name not in SPECIAL)
        for name in directories + files:
            path = os.path.join(directory, name)
            found[path] = path
    for path in sorted(found, key=os.fsencode):
        status = os.lstat(path)
        kind = KINDS[stat.S_IFMT(status.st_mode)]
        entry = [kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid]
        if kind == "symlink":
            entry = [kind, os.readlink(path), status.st_mtime]
        elif kind == "file":
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            entry += [status.st_mtime, digest, first.setdefault((status.st_dev, status.st_ino), path)]
        elif kind in ("character", "block"):
            entry += [os.major(status.st_rdev), os.minor(status.st_rdev)]
        found[path] = entry
    return found


def apply(root: str, *paths: str) -> None:
    """Apply layers, and print what came of it."""
    layers = [read(path) for path in paths]
    "x".encode("idna")  # codecs are loaded before they are out of sight
    os.chroot(root)
    os.chdir("/")
    os.umask(0o022)
    try:
        for members in layers:
            hide(members)
            for member, content in members:
                if not os.path.basename(clean(member.name)).startswith(".wh."):
                    put(member, content)
            shutil.rmtree(GRAVE, ignore_errors=True)
        result = told()
    except RefusedError as error:
        result = {"refused": str(error)}
    sys.stdout.write(json.dumps(result) + "\n")


def main() -> None:
    """Apply what is asked for, until there is no more: starting a Python takes longer than most layers do."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            apply(*json.loads(line))
            return
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)


if __name__ == "__main__":
    main()
