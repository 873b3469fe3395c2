"""The home of what is not ours to bring: non-distributable layers, at the URLs that somebody wrote down."""

from collections.abc import Iterator
from typing import NoReturn

from attrs import frozen

from lazyimg.errors import BlobNotFound
from lazyimg.oci.descriptor import Descriptor
from lazyimg.runtime import Work


@frozen
class ForeignHome:
    """URLs that are written into manifests and never followed: whoever wrote them could name any server.

    Attributes:
        urls: where it is said to be.
    """

    urls: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.urls)[:200]

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes | memoryview]:  # noqa: ARG002 - nobody is asked
        """Refuse: nothing is fetched.

        Raises:
            BlobNotFound: always.
        """
        self._refuse(descriptor)

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:  # noqa: ARG002 - nobody is asked
        """Refuse: nothing is fetched.

        Raises:
            BlobNotFound: always.
        """
        self._refuse(descriptor)

    def _refuse(self, descriptor: Descriptor) -> NoReturn:
        raise BlobNotFound(
            f"{descriptor.digest} is a non-distributable layer, and its bytes are not fetched from {self}: "
            "download it yourself, and use Layer.from_blob where its bytes are needed"
        )
