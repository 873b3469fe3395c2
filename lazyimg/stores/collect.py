"""Removing from a layout the blobs that nothing in ``index.json`` reaches any more.

While one session holds the layout nothing is removed: its blobs are in place before anything names them.
"""

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

from lazyimg.errors import ContentMismatch, InvalidDigest, LayoutError, LazyImgError
from lazyimg.oci.annotated import MAX_MANIFEST
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import parse_manifest
from lazyimg.oci.media_type import is_index, is_manifest
from lazyimg.stores.below import open_below
from lazyimg.stores.layout import TEMPORARY, Layout


def collect(layout: Layout) -> tuple[Digest, ...]:
    """Remove what nothing reaches, and what killed writers left half written.

    Call it while the layout is held alone (`Layout.held`).

    Returns:
        The blobs that were removed.

    Raises:
        LayoutError: a directory of blobs, or a manifest, is a link, and may be another layout's as well.
        InvalidDocument, ContentMismatch: a manifest is broken, so that what it reaches is not known.
        LayoutUnwritable: a blob could not be removed; others may have been.
    """
    reached = _reached(layout)
    removed = tuple(digest for digest in _blobs(layout) if digest not in reached)
    with layout.writing():
        for digest in removed:
            layout.blob(digest).unlink(missing_ok=True)
        for path in _directory(layout.path / "blobs"):
            if path.name.startswith(TEMPORARY):
                path.unlink(missing_ok=True)
    return removed


def _reached(layout: Layout) -> set[Digest]:
    """Every digest that ``index.json`` reaches, whether the blob is there or not."""
    reached: set[Digest] = set()
    waiting = list(layout.index().manifests)
    while waiting:
        descriptor = waiting.pop()
        if descriptor.digest not in reached:
            reached.add(descriptor.digest)
            waiting.extend(_named_by(layout, descriptor))
    return reached


def _named_by(layout: Layout, descriptor: Descriptor) -> Iterator[Descriptor]:
    """What a manifest or index names; of one that is not there nothing is known, and nothing can be used."""
    if not (is_manifest(descriptor.media_type) or is_index(descriptor.media_type)):
        return
    data = _read(layout, descriptor.digest)
    if data is None:
        return
    document = parse_manifest(data, descriptor.media_type)
    yield from document.manifests if isinstance(document, Index) else (document.config, *document.layers)
    if document.subject is not None:
        yield document.subject


def _read(layout: Layout, digest: Digest) -> bytes | None:
    file = open_below(layout.path, "blobs", digest.algorithm, digest.encoded)
    if file is None:
        return None
    with file:
        data = file.read(MAX_MANIFEST + 1)
    if Digest.of(data, digest.algorithm) != digest:
        raise ContentMismatch(
            f"{digest} in {layout.path} does not have the digest that is its name: what it reaches is not "
            "known, and nothing was removed; write that image anew, or remove its entry"
        )
    return data


def _blobs(layout: Layout) -> Iterator[Digest]:
    """Every regular file that has a digest for its name."""
    for algorithm in _directory(layout.path / "blobs"):
        if algorithm.name.startswith(TEMPORARY):
            continue
        for path in _directory(algorithm):
            with contextlib.suppress(InvalidDigest):  # somebody's own file is left alone
                digest = Digest(f"{algorithm.name}:{path.name}")
                if stat.S_ISREG(path.lstat().st_mode):
                    yield digest


def _directory(path: Path) -> list[Path]:
    if path.is_symlink():
        raise LayoutError(
            f"{path} is a link, and its blobs may be those of another layout: nothing was removed"
        )
    return sorted(path.iterdir()) if path.is_dir() else []


def collect_if_idle(layout: Layout) -> tuple[Digest, ...]:
    """Remove what can be, now that a write is done: not while another writer is there.

    What cannot be removed does no harm: the next time finds it, and `collect` says why it stays.
    """
    with contextlib.suppress(BlockingIOError, LazyImgError), layout.held(alone=True):
        return collect(layout)
    return ()
