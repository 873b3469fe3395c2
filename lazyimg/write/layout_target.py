"""Writing to an OCI layout: blobs are files, names are annotations in ``index.json``."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from lazyimg.content.body import Body
from lazyimg.content.local import absolute
from lazyimg.notebook.words import words
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.media_type import is_distributable
from lazyimg.runtime import Work
from lazyimg.state.contents import Home, Stored
from lazyimg.state.homes import LayoutHome
from lazyimg.state.seal import Sealed
from lazyimg.stores.layout import Layout
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.write.record import Placed, Record
from lazyimg.write.target import SiteSession


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


@frozen
class LayoutSite:
    """An OCI layout directory."""

    path: Path
    is_remote = False

    def __str__(self) -> str:
        return str(self.path)

    def holds(self, home: Home) -> bool:
        """Whether it is this directory."""
        return isinstance(home, LayoutHome) and home.path == self.path

    def opening(self, pulls: Sequence[str]) -> str:  # noqa: ARG002 - mounts nothing
        """What opening a session does."""
        return f"Make {words(self.path)} an OCI layout, unless it is one"

    def open(self, work: Work, pulls: Sequence[str]) -> SiteSession:  # noqa: ARG002 - needs no client
        """Make the directory a layout if it is none: so a read-only disk is known before a byte is read.

        Raises:
            LayoutError: it holds something else.
            LayoutUnwritable: it cannot be written.
        """
        layout = Layout(self.path)
        layout.create()
        return LayoutSession(layout)


@frozen
class OCILayout:
    """An OCI layout directory, made where there is none; other images in it are kept.

    Args:
        path: the directory.
        tag: the tag or tags (``org.opencontainers.image.ref.name``); without one the image is found by
            its digest, or as the only image.

    >>> print(OCILayout("/srv/out", tag="v1"))
    /srv/out:v1
    """

    path: Path = field(converter=absolute)
    tag: tuple[str, ...] = field(default=None, converter=_names)

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


ABORT_TIME = 2.0
"""Seconds that taking back what is being written may take."""


class LayoutSession:
    """A layout that is being written."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._changed = threading.Condition()
        self._under_way = 0
        self._staged: set[str] = set()
        self.record = Record()

    def find(self, descriptor: Descriptor) -> Placed | None:
        """Look whether the file is there, and of the right size."""
        found = self._layout.has(descriptor.digest, descriptor.size)
        return self.record.add(Placed("existing", descriptor)) if found else None

    def offer(self, blobs: Sequence[Stored]) -> Placed | None:
        """Look whether it is there."""
        blob = blobs[0].descriptor
        if not is_distributable(blob.media_type):
            return self.record.add(Placed("skipped", blob))
        return self.find(blob)

    def receive(self, body: Body, name: Once[Descriptor], run: Run) -> Placed:
        """Write while reading; the digest gives the file its name."""
        with self._receiving():
            size = self._layout.write_blob(body.chunks(0), lambda: name.get(check=run.check).digest)
        return self.record.add(Placed("uploaded", name.get(), size, 1))

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def put(self, blob: Sealed) -> Placed:
        """Write bytes at hand."""
        return self.find(blob.descriptor) or self._write(blob)

    def _write(self, blob: Sealed) -> Placed:
        size = self._layout.write_blob([blob.data], lambda: blob.descriptor.digest)
        return self.record.add(Placed("uploaded", blob.descriptor, size, 1))

    def stage(self, root: Sealed, names: Sequence[str]) -> None:  # noqa: ARG002 - named by nothing yet
        """Write the manifest."""
        self.put(root)
        self._staged.add(root.descriptor.digest)

    def publish(self, root: Sealed, names: Sequence[str]) -> None:
        """Write the manifest, then let ``index.json`` name it."""
        if root.descriptor.digest not in self._staged:
            self.put(root)
        self.record.tags.update(dict.fromkeys(names, "not moved"))
        self._layout.add(root.descriptor, names)
        self.record.tags.update(dict.fromkeys(names, "moved"))

    def abort(self) -> None:
        """Wait until what was being written is gone; what is not whole was never named."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, ABORT_TIME)

    def close(self) -> None:
        """Nothing is held."""
