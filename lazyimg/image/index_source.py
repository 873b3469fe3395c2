"""Indexes to begin with: of a registry, and of nothing."""

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.from_registry import Listed, of_listed_size
from lazyimg.image.index import Index
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index as IndexDocument
from lazyimg.oci.manifest import parse_manifest
from lazyimg.oci.media_type import DOCKER_INDEX, OCI_INDEX, is_index
from lazyimg.oci.reference import Reference
from lazyimg.state.homes import RegistryHome
from lazyimg.state.index_state import Entry, IndexState, State
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.registry.answers import RawManifest
    from lazyimg.runtime import Work


@frozen
class EmptyIndex(Index):
    """Start from nothing."""

    docker: bool = False

    def evaluate(self, run: Run) -> IndexState:  # noqa: ARG002 - known without a run
        """Make the document."""
        return IndexState(IndexDocument.new(media_type=DOCKER_INDEX if self.docker else OCI_INDEX))


@frozen
class IndexFromRegistry(Index):
    """Read an index from a registry; its children are read when something needs them."""

    effectful: ClassVar[bool] = True

    reference: Reference

    @property
    def reads(self) -> Reference:
        """The repository it reads from."""
        return self.reference

    @property
    def moves(self) -> bool:
        """Whether a tag names it, which may come to mean another index (`lazyimg.image.pin`)."""
        return self.reference.digest is None

    def resolve(self, work: "Work") -> Digest:
        """The digest of what the tag names now: one HEAD."""
        client = work.client(self.reference)
        return client.head_manifest(self.reference.repository, self.reference.identifier).digest

    def pinned(self, digest: Digest) -> "IndexFromRegistry":
        """The same by digest; the tag stays as a name."""
        return evolve(self, reference=self.reference.with_digest(digest))

    def evaluate(self, run: Run) -> IndexState:
        """GET the index.

        Raises:
            NotFound: the registry has no such manifest.
            InvalidMutation: it is an image.
        """
        raw = self._read(run.runtime)
        document = parse_manifest(raw.data, raw.media_type)
        if not isinstance(document, IndexDocument):
            raise InvalidMutation(f"{self.reference} is an image, not an index: use Image.from_registry")
        home = RegistryHome(self.reference.without_identifier())
        entries = tuple(Entry(self._child(entry), entry, home) for entry in document.manifests)
        return IndexState(document, entries)

    def _child(self, entry: Descriptor) -> Thunk[State]:
        at = self.reference.without_identifier().with_digest(entry.digest)
        kind = ListedIndex if is_index(entry.media_type) else Listed
        return kind(at, bytes_listed=entry.size)

    def _read(self, work: "Work") -> "RawManifest":
        return work.client(self.reference).get_manifest(self.reference.repository, self.reference.identifier)


@frozen
class ListedIndex(IndexFromRegistry):
    """Read the index that an index lists, of the size that that one says."""

    bytes_listed: int = field(kw_only=True)

    def _read(self, work: "Work") -> "RawManifest":
        """GET it.

        Raises:
            ContentMismatch: it has another size.
        """
        return of_listed_size(super()._read(work), self.reference, self.bytes_listed)
