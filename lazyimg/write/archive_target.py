"""Writing to an archive: a tar of an OCI layout, or what ``docker load`` reads."""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from attrs import field, frozen

from lazyimg.content.local import absolute
from lazyimg.errors import ArchiveUnwritable, InvalidTarget
from lazyimg.notebook.words import words
from lazyimg.oci.document import dumps
from lazyimg.oci.index import Index
from lazyimg.runtime import Work
from lazyimg.state.seal import Sealed
from lazyimg.stores.archive_writer import NewFile, archive_chunks
from lazyimg.stores.blob_spool import BlobSpool, writing
from lazyimg.stores.marker import VERSION
from lazyimg.stores.naming import Naming, named
from lazyimg.write.layout_target import texts
from lazyimg.write.spooled import Spooled, docker_documents, docker_references
from lazyimg.write.target import Site, SiteSession, Target

Format = Literal["oci", "docker"]


@frozen
class ArchiveSite(Site):
    """An archive, made anew by each write."""

    path: Path
    format: Format

    @property
    def images_only(self) -> bool:  # type: ignore[override]  # says it by its format
        """Whether it is docker's, which knows no index."""
        return self.format == "docker"

    def __str__(self) -> str:
        return str(self.path)

    def opening(self, pulls: Sequence[str]) -> str:  # noqa: ARG002 - mounts nothing
        """What opening a session does."""
        return f"Make room for the archive {words(self.path)}"

    def open(self, work: Work, pulls: Sequence[str]) -> "SiteSession[Archive]":  # noqa: ARG002 - needs no client
        """Make an unnamed file beside it: so a read-only disk is known before a byte is read.

        Raises:
            ArchiveUnwritable: there can be none, or something that is no file has its name.
        """
        with writing(f"the archive {self}"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_other()
        return ArchiveSession(self)

    def _refuse_other(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return
        if not stat.S_ISREG(found.st_mode):
            raise ArchiveUnwritable(
                f"{self.path} is no regular file, so no archive can take its place: name another"
            )


@frozen
class Archive(Target):
    """A file with images, made anew by each write: it takes its name when it is whole.

    Several images that one write puts there are in it together. The same images give the same bytes.

    Args:
        path: the file; its directory is made if there is none.
        tag: the tag or tags; in docker's format references, such as ``app:1``.
        format: ``oci`` is a tar of an OCI layout and holds anything, to the byte; ``docker`` is what ``docker
            save`` writes and ``docker load`` reads, and holds images without their manifests.

    Raises:
        InvalidTarget: there is no such format, or a tag is none that docker takes.

    >>> print(Archive("/srv/app.tar", tag="app:1"))
    /srv/app.tar:app:1
    """

    path: Path = field(converter=absolute)
    tag: tuple[str, ...] = field(default=None, converter=texts)
    format: Format = "oci"

    def __attrs_post_init__(self) -> None:
        if self.format not in ("oci", "docker"):
            raise InvalidTarget(f"format={self.format!r} is no format of an archive: say 'oci' or 'docker'")
        if self.format == "docker":
            docker_references(self.tag)

    @property
    def site(self) -> ArchiveSite:
        """The file."""
        return ArchiveSite(self.path, self.format)

    @property
    def names(self) -> tuple[str, ...]:
        """The tags."""
        return self.tag

    def __str__(self) -> str:
        return ":".join((str(self.path), *self.tag[:1]))


class ArchiveSession(Spooled[Archive]):
    """An archive that is being written."""

    def __init__(self, site: ArchiveSite) -> None:
        super().__init__(BlobSpool(site.path.parent, f"the archive {site}"), docker=site.format == "docker")
        self._file = NewFile(site.path)
        self._format = site.format

    def ready(self, goals: Sequence[tuple[Sealed, Archive]]) -> None:
        """Write the archive beside its name."""
        documents = self._documents(goals)
        self._file.write(archive_chunks(documents, self.spool), self.refuse_if_aborted)

    def _documents(self, goals: Sequence[tuple[Sealed, Archive]]) -> dict[str, bytes]:
        if self._format == "docker":
            return docker_documents((root, target.tag) for root, target in goals)
        namings = (Naming(root.descriptor, target.tag) for root, target in goals)
        return {"oci-layout": dumps(VERSION), "index.json": named(Index.new(), namings).to_bytes()}

    def move(self, goals: Sequence[tuple[Sealed, Archive]]) -> None:  # noqa: ARG002 - all are in it
        """Give it its name."""
        self._file.rename()

    def end(self) -> None:
        """Remove what has not its name."""
        super().end()
        self._file.discard()
