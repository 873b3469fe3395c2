"""Where paths lead in a tree: through symbolic links, whose root is the tree's."""

from collections.abc import Callable

from lazyimg.content.layer_path import PATH_LIMIT, ROOT, above, joined
from lazyimg.content.tree import Tree

LINKS = 40
"""Symbolic links that one path may lead through, as on Linux."""


def _never(_: bytes) -> bool:
    return False


def directory_at(tree: Tree, path: bytes, is_replaced: Callable[[bytes], bool] = _never) -> bytes | None:
    """Where a directory really is, links followed, whether or not there is one.

    Args:
        tree: what stands where.
        path: of the directory; ``..`` in it is where the path has led to, not a matter of its text.
        is_replaced: whether a link is about to be replaced, and so leads nowhere.

    Returns:
        Its place; None if something that is no directory is in the way.
    """
    at, links = ROOT, 0
    parts = _parts(path)
    while parts:
        part = parts.pop()
        if part == b"..":
            at = above(at)
            continue
        child = joined(at, part)
        node = tree.get(child)
        if node is None or node.kind == "directory":
            at = child
            continue
        links += 1
        if node.kind != "symlink" or links > LINKS or is_replaced(child):
            return None
        target = node.target or b""
        at = ROOT if target.startswith(b"/") else at
        parts += _parts(target)
    return at if len(at) <= PATH_LIMIT else None


def place_at(tree: Tree, path: bytes, is_replaced: Callable[[bytes], bool] = _never) -> bytes | None:
    """Where a path leads, links followed but for its last part; see `directory_at`."""
    parts = _parts(path)
    if not parts or parts[0] == b"..":
        return directory_at(tree, path, is_replaced)
    directory = directory_at(tree, b"/".join(parts[:0:-1]), is_replaced)
    return None if directory is None else joined(directory, parts[0])


def _parts(path: bytes) -> list[bytes]:
    """The parts of a path, the last first."""
    return [part for part in path.split(b"/")[::-1] if part not in (b"", b".")]
