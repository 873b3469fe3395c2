"""Layers to merge: made by Python's tarfile, at random too; `apply_layers` applies them to a directory."""

from __future__ import annotations

import atexit
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from lazyimg.content.merged import Merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PROGRAM = Path(__file__).with_name("apply_layers.py")

Member = tuple[tarfile.TarInfo, bytes]

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="a chroot, owners and devices are root's")


def member(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: Any) -> Member:
    """Make a member of a tar; a name that ends in a slash is a directory's."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if name.endswith("/") and kind == tarfile.REGTYPE else kind
    info.size = len(content)
    for field, value in {"mode": 0o755 if info.isdir() else 0o644, **fields}.items():
        setattr(info, field, value)
    return info, content


def file(name: str, content: bytes = b"", **fields: Any) -> Member:
    """Make a regular file."""
    return member(name, content=content, **fields)


def symlink(name: str, target: str, **fields: Any) -> Member:
    """Make a symbolic link."""
    return member(name, tarfile.SYMTYPE, linkname=target, **fields)


def hardlink(name: str, target: str, **fields: Any) -> Member:
    """Make a hard link."""
    return member(name, tarfile.LNKTYPE, linkname=target, **fields)


def tar_of(members: Iterable[Member | str], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Make a tar; a text stands for an empty file, or a directory if it ends in a slash."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        for one in members:
            info, content = member(one) if isinstance(one, str) else one
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def layer(*members: Member | str) -> bytes:
    """Make the tar of a layer."""
    return tar_of(members)


def checked(block: bytes) -> bytes:
    """Give a header with its checksum right."""
    blank = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(blank) + block[156:]


def extension(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """Give an extension header with its content."""
    block = bytearray(tar_of(["x"])[:512])
    block[156:157] = kind
    block[124:136] = b"%011o\0" % (len(content) if size is None else size)
    return checked(bytes(block)) + content + bytes(-len(content) % 512)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Give the data in pieces of these sizes, over and over, with empty ones between."""
    pieces, number = [b""], 0
    while data:
        size = sizes[number % len(sizes)]
        pieces += [data[:size], b""]
        data, number = data[size:], number + 1
    return pieces


def applied(layers: Sequence[bytes]) -> dict[str, Any]:
    """Say what a real directory holds, root's, when the layers were applied to it one by one."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "root")
        root.mkdir(mode=0o755)
        paths = [Path(name, f"{number}.tar") for number in range(len(layers))]
        for path, data in zip(paths, layers, strict=True):
            path.write_bytes(data)
        program = _program()
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(json.dumps([str(root), *map(str, paths)]) + "\n")
        program.stdin.flush()
        line = program.stdout.readline()
        assert line, f"{PROGRAM.name} ended: its standard error says why"
        found: dict[str, Any] = json.loads(line)
        return found


@cache
def _program() -> subprocess.Popen[str]:
    """Start the program that applies layers; it ends with this process."""
    command = [sys.executable, "-S", "-E", str(PROGRAM)]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(program.communicate)
    return program


def merged_of(layers: Iterable[bytes], *, on_top: bool = False) -> Merged:
    """Merge layers, lowest first."""
    merged = Merged(on_top=on_top)
    for number, data in enumerate(layers):
        merged.add([data], f"layer {number}")
    merged.settle()
    return merged


def flattened(layers: Iterable[bytes], *, on_top: bool = False) -> bytes:
    """Merge layers into one tar."""
    merged = merged_of(layers, on_top=on_top)
    try:
        return b"".join(merged.pieces())
    finally:
        merged.close()


def told(merged: Merged) -> dict[str, Any]:
    """Say what merged layers hold, in the words of `apply_layers`."""
    found: dict[str, Any] = {}
    first: dict[int, str] = {}
    for row in merged.tree.rows():
        header = merged.member(row)
        entry = merged.entry(row, header)
        said: list[Any] = [entry.kind, entry.mode, entry.uid, entry.gid]
        if entry.kind == "symlink":
            said = [entry.kind, entry.link, entry.mtime]
        elif entry.kind == "file" and header is not None:
            digest = hashlib.sha256(b"".join(merged.content(row, header))).hexdigest()
            said += [entry.mtime, digest, first.setdefault(row.member, entry.path)]
        elif entry.kind in ("character", "block"):
            said += list(entry.device)
        found[entry.path] = said
    found.pop("/")
    return found


# --- at random ---------------------------------------------------------------------------------------

names = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)

link_targets = st.sampled_from(
    ["a", "b", "c", "b/c", "/a", "/b/c", "../a", "..", "/", ".", "../c/a", "c/../b", "/../b", "a/b/c"]
)


def _spelled(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, f"./{name}", f"/{name}", name.replace("/", "//"), name.replace("/", "/./")])


def _whiteout(name: str) -> str:
    above, slash, last = name.rpartition("/")
    return f"{above}{slash}.wh.{last}"


def _markers() -> st.SearchStrategy[Member]:
    plain = names.map(_whiteout)
    opaque = st.just("").flatmap(
        lambda _: st.one_of(st.just(".wh..wh..opq"), names.map("{}/.wh..wh..opq".format))
    )
    return st.one_of(plain, opaque).flatmap(_spelled).map(file)


def members(*, links: bool = True) -> st.SearchStrategy[Member]:
    """Give members of a layer, at random.

    Args:
        links: whether symbolic links are among them.
    """
    attributes: dict[str, Callable[[], st.SearchStrategy[int]]] = {
        "mode": lambda: st.sampled_from([0o644, 0o755, 0o4711]),
        "uid": lambda: st.integers(0, 2),
        "gid": lambda: st.integers(0, 2),
        "mtime": lambda: st.integers(0, 3),
    }
    given = {name: strategy() for name, strategy in attributes.items()}
    place = names.flatmap(_spelled)
    contents = st.sampled_from([b"", b"x", b"hello" * 200])
    plain = st.builds(member, place, content=contents, **given)
    directories = st.builds(member, place, st.just(tarfile.DIRTYPE), **given)
    symbolic = st.builds(symlink, place, link_targets, **given)
    hard = st.builds(hardlink, place, names.flatmap(_spelled), **given)
    fifos = st.builds(member, place, st.just(tarfile.FIFOTYPE), **given)
    devices = st.builds(
        member, place, st.just(tarfile.CHRTYPE), devmajor=st.just(1), devminor=st.integers(3, 5), **given
    )
    kinds = [plain, plain, directories, directories, hard, _markers(), _markers(), fifos, devices]
    return st.one_of(*kinds, *[symbolic] * links)


def stacks(*, links: bool = True) -> st.SearchStrategy[list[bytes]]:
    """Give layers, the lowest first, at random."""
    one = st.lists(members(links=links), max_size=7).map(tar_of)
    return st.lists(one, min_size=1, max_size=4)
