"""Writing to an OCI layout: blobs are files, names are annotations in ``index.json``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import field, frozen

from lazyimg.content.local import absolute
from lazyimg.errors import DirectoryInUse, InvalidTarget
from lazyimg.notebook.words import words
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.runtime import Work
from lazyimg.state.contents import Home
from lazyimg.state.homes import LayoutHome
from lazyimg.state.seal import Sealed
from lazyimg.stores.collect import collect, collect_if_idle
from lazyimg.stores.layout import Layout
from lazyimg.stores.naming import Naming, digest_of, frozen_annotations, named
from lazyimg.write.condition import Condition, as_condition, refuse_moved
from lazyimg.write.session import Session
from lazyimg.write.target import Site, SiteSession, Target


def texts(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One text, several, or none, as a tuple; a converter for tags."""
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _replaced(value: bool | Mapping[str, str]) -> bool | Mapping[str, str]:  # noqa: FBT001 - a converter's
    return value if isinstance(value, bool) else frozen_annotations(value)


@frozen
class LayoutSite(Site):
    """An OCI layout directory."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def holds(self, home: Home) -> bool:
        """Whether it is this directory."""
        return isinstance(home, LayoutHome) and home.path == self.path

    def opening(self, pulls: Sequence[str]) -> str:  # noqa: ARG002 - mounts nothing
        """What opening a session does."""
        return f"Make {words(self.path)} an OCI layout, unless it is one"

    def open(self, work: Work, pulls: Sequence[str]) -> "SiteSession[OCILayout]":  # noqa: ARG002 - needs no client
        """Make the directory a layout if it is none: so a read-only disk is known before a byte is read.

        Raises:
            LayoutError: it holds something else.
            LayoutUnwritable: it cannot be written.
        """
        layout = Layout(self.path)
        layout.create()
        return LayoutSession(layout)


@frozen
class OCILayout(Target):
    """An OCI layout directory, made where there is none; other images in it are kept.

    Args:
        path: the directory.
        tag: the tag or tags (``org.opencontainers.image.ref.name``); without one the image is found by
            its digest, or as the only image. A tag that is there moves.
        replace: True to keep no other image; annotations, to keep none whose entry has all of these.
        annotations: further ones of the image's entry in ``index.json``.
        if_tag: ``absent`` to move the tags only if there are none such; a digest to move them only if they
            all say it. Between writers that lock the layout, as this one does, it is atomic.
        collect: remove in the end the blobs that nothing reaches any more, unless another writer holds the
            layout; see `collect_garbage`.

    Raises:
        InvalidTarget: a condition without a tag that it is about.

    >>> print(OCILayout("/srv/out", tag="v1"))
    /srv/out:v1
    """

    path: Path = field(converter=absolute)
    tag: tuple[str, ...] = field(default=None, converter=texts)
    replace: bool | Mapping[str, str] = field(default=False, converter=_replaced, kw_only=True)
    annotations: Mapping[str, str] = field(factory=dict, converter=frozen_annotations, kw_only=True)
    if_tag: Condition | None = field(default=None, converter=as_condition, kw_only=True)
    collect: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.if_tag is not None and not self.tag:
            raise InvalidTarget(f"{self} moves no tag, so if_tag={self.if_tag} says nothing: name a tag")

    @property
    def site(self) -> LayoutSite:
        """The directory."""
        return LayoutSite(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        """The tags."""
        return self.tag

    def __str__(self) -> str:
        return ":".join((str(self.path), *self.tag[:1]))

    def naming(self, manifest: Descriptor) -> Naming:
        """How ``index.json`` is to name a manifest. Touches nothing."""
        replaces = {} if isinstance(self.replace, bool) else self.replace
        return Naming(manifest, self.tag, self.annotations, replaces)

    def refuse_moved(self, index: Index) -> None:
        """Check the condition against what ``index.json`` says. Touches nothing.

        Raises:
            TagMoved: it does not hold.
        """
        if self.if_tag is not None:
            for tag in self.tag:
                refuse_moved(f"{self.path}:{tag}", digest_of(index, tag), self.if_tag)

    def collect_garbage(self) -> tuple[Digest, ...]:
        """Remove the blobs that nothing in ``index.json`` reaches, and what killed writers left. Writes.

        Returns:
            The blobs that were removed.

        Raises:
            DirectoryInUse: somebody writes to it: blobs that nothing names yet may be theirs.
            LayoutError: a directory of blobs is a link, or it is no layout.
            InvalidDocument, ContentMismatch: a manifest is broken; nothing was removed.
            LayoutUnwritable: a blob could not be removed.
        """
        layout = Layout(self.path)
        layout.refuse_other()
        try:
            with layout.held(alone=True):
                return collect(layout)
        except BlockingIOError as error:
            raise DirectoryInUse(
                f"{self.path} is being written to, and blobs that nothing names yet may be that writer's: "
                "collect again when it is done"
            ) from error


class LayoutSession(Session[OCILayout]):
    """A layout that is being written."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self._layout = layout
        self._hold = ExitStack()
        self._hold.enter_context(layout.held())

    def has(self, blob: Descriptor) -> bool:
        """Whether the file is there, and of the right size."""
        return self._layout.has(blob.digest, blob.size)

    def write(self, chunks: Iterable[bytes | memoryview], digest: Callable[[], Digest]) -> int:
        """Write a file while reading; the digest gives it its name."""
        return self._layout.write_blob(chunks, digest)

    def ready(self, goals: Sequence[tuple[Sealed, OCILayout]]) -> None:
        """Check the targets' conditions.

        Raises:
            TagMoved: one does not hold.
        """
        index = self._layout.index()
        for _, target in goals:
            target.refuse_moved(index)

    def move(self, goals: Sequence[tuple[Sealed, OCILayout]]) -> None:
        """Let ``index.json`` name the manifests, all at once."""
        namings = [target.naming(root.descriptor) for root, target in goals]
        alone = any(target.replace is True for _, target in goals)

        def change(index: Index) -> Index:
            self.refuse_if_aborted()  # the lock may have been waited for
            for _, target in goals:
                target.refuse_moved(index)
            return named(index, namings, alone=alone)

        self._layout.rename(change)
        if any(target.collect for _, target in goals):
            self._hold.close()
            collect_if_idle(self._layout)

    def abort(self) -> None:
        """Wait until what was being written is gone, and let others collect it."""
        super().abort()
        self._hold.close()

    def close(self) -> None:
        """Let others collect what nothing names."""
        self._hold.close()
