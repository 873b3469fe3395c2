"""Which of several images a user means, where each has names."""

from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from lazyimg.errors import ImageNotFound, InvalidReference
from lazyimg.oci.digest import Digest
from lazyimg.oci.reference import Reference

SHOWN = 20
"""Images that a message lists at most."""


@frozen
class Offer:
    """An image that is there.

    Attributes:
        digest: what tells it from the others.
        names: what it is called; none, if it was written without a tag.
    """

    digest: Digest
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join(self.names) or self.digest


def meant(offers: Sequence[Offer], wanted: str | None) -> list[int]:
    """The positions of the offers that are called ``wanted``; of all, if it is None.

    A digest is taken as it is. A name is looked for as it is written; then as a reference, so that
    ``app:1`` is ``docker.io/library/app:1``; then as a tag, whatever the repository.

    >>> app = Offer(Digest.of(b""), ("docker.io/library/app:1",))
    >>> [meant([app], name) for name in ("app:1", "1", "other:1", None)]
    [[0], [0], [], [0]]
    """
    if wanted is None:
        return list(range(len(offers)))
    same = [at for at, offer in enumerate(offers) if offer.digest == wanted]
    for reading in (str, _as_reference, _as_tag):
        same = same or _called(offers, wanted, reading)
    return same


def _called(offers: Sequence[Offer], wanted: str, reading: Callable[[str], str]) -> list[int]:
    name = reading(wanted) if reading is not _as_tag else wanted
    return [at for at, offer in enumerate(offers) if name in map(reading, offer.names)]


def _as_reference(name: str) -> str:
    try:
        return str(Reference.parse(name))
    except InvalidReference:
        return name


def _as_tag(name: str) -> str:
    return name.rpartition("/")[2].rpartition(":")[2]


def not_found(offers: Iterable[Offer], wanted: str | None, what: str, how: str) -> ImageNotFound:
    """The error for a name that is none's, or several images'.

    Args:
        offers: what there is.
        wanted: what was asked for.
        what: where, for the message.
        how: the parameter that names an image.
    """
    found = list(dict.fromkeys(map(str, offers)))
    listed = "; ".join(found[:SHOWN]) + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
    if not found:
        return ImageNotFound(f"{what} holds no image")
    if wanted is None:
        return ImageNotFound(f"{what} holds several images: say {how}= one of {listed}")
    return ImageNotFound(f"{what} holds no image, or several, called {wanted!r}: it has {listed}")
