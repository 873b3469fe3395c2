"""Comparing the merged filesystems of two images, path by path."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lazyimg.content.entry import encoded
from lazyimg.image.compare import Difference, Seen
from lazyimg.image.files import files

if TYPE_CHECKING:
    from lazyimg.content.files import File, Files

_PIECE = 1 << 20
_SAID = ("kind", "mode", "uid", "gid", "mtime_ns", "size", "link", "device", "xattrs")


def compare_files(one: Seen, other: Seen) -> Iterator[Difference]:
    """Paths that one has and the other has not, and what entries of one path say, content included.

    Reads every layer of both, into scratch space.
    """
    if [layer.name for layer in one.layers] == [layer.name for layer in other.layers]:
        return  # the same tars, or the same blobs, make the same files
    with files(one.image, one.engine) as first, files(other.image, other.engine) as second:
        yield from _of_trees(first, second)


def _of_trees(one: "Files", other: "Files") -> Iterator[Difference]:
    left, right = iter(one.values()), iter(other.values())
    first, second = next(left, None), next(right, None)
    while first is not None or second is not None:
        if second is None or (first is not None and encoded(first.path) < encoded(second.path)):
            assert first is not None  # noqa: S101 - one of the two is there
            yield Difference(first.path, _brief(first), None)
            first = next(left, None)
        elif first is None or encoded(second.path) < encoded(first.path):
            yield Difference(second.path, None, _brief(second))
            second = next(right, None)
        else:
            yield from _of_files(first, second)
            first, second = next(left, None), next(right, None)


def _of_files(one: "File", other: "File") -> Iterator[Difference]:
    before, after = _said(one), _said(other)
    changed = [name for name in _SAID if before[name] != after[name]]
    if not changed and one.kind == "file" and not _is_same_content(one, other):
        changed = ["content"]
    for name in changed:
        yield Difference(f"{one.path} {name}", before.get(name, "another"), after.get(name, "another"))


def _said(file: "File") -> Mapping[str, Any]:
    said = {name: getattr(file, name) for name in _SAID}
    return {**said, "mode": f"{file.mode:o}"}


def _brief(file: "File") -> str:
    size = f", {file.size} bytes" if file.kind == "file" else ""
    return f"{file.kind} {file.mode:o}{size}"


def _is_same_content(one: "File", other: "File") -> bool:
    with one.open() as left, other.open() as right:
        while True:
            first, second = left.read(_PIECE), right.read(_PIECE)
            if first != second:
                return False
            if not first:
                return True
