"""Checking one blob where it rests: that it is there, its digest and size, and the tar in it."""

from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from attrs import frozen

from lazyimg.errors import BlobNotFound, LazyImgError, NotFound
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import is_distributable, is_layer, layer_compression
from lazyimg.state.contents import Stored
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.runtime import Work


@frozen
class Checked:
    """What was found of a blob.

    Attributes:
        wrong: what is wrong with it; None if nothing is.
        unchecked: why it was not checked; None if it was.
        diff_id: of the tar in it, where it was read.
    """

    wrong: str | None = None
    unchecked: str | None = None
    diff_id: Digest | None = None


@runtime_checkable
class Measures(Protocol):
    """A home that tells the size of a blob without its bytes."""

    def size_of(self, digest: Digest, work: "Work") -> int | None:
        """In bytes; None if it is not there."""
        ...


@frozen
class CheckBlob(Thunk[Checked]):
    """Check a blob; what is wrong with it is what it gives, and no error.

    Attributes:
        blob: where it rests.
        fast: whether it is only looked for, and none of its bytes is read.
        in_image: whether it is an image's layer, which holds a tar.
    """

    effectful: ClassVar[bool] = True

    blob: Stored
    fast: bool = False
    in_image: bool = True

    def evaluate(self, run: Run) -> Checked:
        """Look for it, or read it to its end."""
        try:
            return self._look(run) if self.fast else self._read(run)
        except (NotFound, BlobNotFound) as error:
            return self._missing(str(error))
        except LazyImgError as error:
            run.check()  # a run that was cancelled says so itself
            return Checked(wrong=str(error))

    def _missing(self, why: str) -> Checked:
        if is_distributable(self.blob.descriptor.media_type):
            return Checked(wrong=why)
        return Checked(unchecked="it is non-distributable, and not here")

    def _look(self, run: Run) -> Checked:
        home, descriptor = self.blob.home, self.blob.descriptor
        if not isinstance(home, Measures):
            return Checked(unchecked=f"{home} does not tell what it has")
        size = home.size_of(descriptor.digest, run.runtime)
        if size is None:
            return self._missing(f"{home} has no blob {descriptor.digest}")
        if size != descriptor.size:
            return Checked(wrong=f"it has {size} bytes, and its descriptor says {descriptor.size}")
        return Checked()

    def _read(self, run: Run) -> Checked:
        from lazyimg.content.inflate import Inflater  # noqa: PLC0415 - decompressors are loaded on use

        inflater: Inflater | None = None
        for chunk in self.blob.home.chunks(self.blob.descriptor, 0, run.runtime):
            run.check()
            data = bytes(chunk)
            if self.in_image:
                inflater = inflater or Inflater(run.runtime.limits)
                inflater.feed(data)
        if inflater is None:
            return Checked()
        diff_id = inflater.diff_id()
        return self._judged(inflater.compression, diff_id)

    def _judged(self, found: str, diff_id: Digest) -> Checked:
        said = self.blob.descriptor.media_type
        if is_layer(said) and layer_compression(said) != found:
            return Checked(wrong=f"its media type is {said}, but its compression is {found}", diff_id=diff_id)
        return Checked(diff_id=diff_id)
