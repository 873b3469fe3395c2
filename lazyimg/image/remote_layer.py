"""A layer that rests in a repository, named by its digest and by no manifest."""

from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from lazyimg.engine import current_engine
from lazyimg.errors import InvalidMutation, NotFound
from lazyimg.image.layer import Layer
from lazyimg.image.placed import Declared
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import OCI_LAYER
from lazyimg.oci.reference import Reference
from lazyimg.state.contents import Contents, Named, Stored
from lazyimg.state.homes import RegistryHome
from lazyimg.state.image_state import StoredBlob
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.runtime import Work


@frozen
class GivenDiffId(Thunk[Digest]):
    """A diff_id that the user vouches for."""

    diff_id: Digest

    def evaluate(self, run: Run) -> Digest:  # noqa: ARG002 - known without a run
        """Give it."""
        return self.diff_id


@frozen
class RemoteLayer(Layer):
    """A blob of a repository, mounted or copied; what is not given of it is asked, or learned from its bytes.

    Attributes:
        blob: the repository, and the blob's digest.
        given_size: in bytes; None asks the registry.
        given_diff_id: of the tar in it; None reads the blob.
        media_type: None is told by the bytes, which are read for it.
    """

    effectful: ClassVar[bool] = True
    is_local: ClassVar[bool] = False

    blob: Reference
    given_size: int | None = None
    given_diff_id: Digest | None = None
    media_type: str | None = None

    @property
    def reads(self) -> Reference:
        """The repository it rests in: a session that can read there can mount from there."""
        return self.blob

    def describe(self) -> str:
        """What it does, as a plan says it."""
        return f"{'HEAD' if self.given_size is None else 'Take'} the blob {self.blob}"

    def evaluate(self, run: Run) -> Contents:
        """Say where it is; its size is asked, unless it is given.

        Raises:
            NotFound: the repository has no such blob.
        """
        work: Work = run.runtime
        size = self.given_size
        if size is None:
            size = work.client(self.blob).head_blob(self.blob.repository, self.blob.identifier)
        if size is None:
            raise NotFound(f"{self.blob.without_identifier()} has no blob {self.blob.identifier}", status=404)
        digest = Digest(self.blob.identifier)
        descriptor = Descriptor(media_type=self.media_type or OCI_LAYER, digest=digest, size=size)
        home = RegistryHome(self.blob.without_identifier())
        return Named(home, descriptor, self.given_diff_id, self.media_type is not None)

    def digest(self, timeout: float | None = None) -> Digest:  # noqa: ARG002 - nothing to wait for
        """As the user named it. Asks nothing."""
        return Digest(self.blob.identifier)

    def size(self, timeout: float | None = None) -> int:  # noqa: ARG002 - nothing to wait for
        """In bytes; asks the registry, unless it was given."""
        if self.given_size is not None:
            return self.given_size
        found = current_engine().force(self)
        assert isinstance(found, Named)  # noqa: S101 - what evaluating gives
        return found.descriptor.size


def remote_layer(
    reference: str | Reference, size: int | None, diff_id: str | None, media_type: str | None
) -> Layer:
    """A layer of a repository; see `lazyimg.Layer.from_registry`.

    Raises:
        InvalidReference: the text is no reference.
        InvalidMutation: it names no digest.
    """
    named = Reference.of(reference)
    if named.digest is None:
        raise InvalidMutation(
            f"{named} names an image: a layer is named by its digest, {named.name}@sha256:...; the layers of "
            "an image are had from Image.from_registry(...).layers()"
        )
    known = None if diff_id is None else Digest(diff_id)
    if size is None or known is None or media_type is None:
        return RemoteLayer(named, size, known, media_type)
    descriptor = Descriptor(media_type=media_type, digest=named.digest, size=size)
    home = RegistryHome(named.without_identifier())
    return Declared(StoredBlob(Stored(home, descriptor)), descriptor, GivenDiffId(known))
