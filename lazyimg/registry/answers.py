"""What the answers of a registry say: values read from their headers and bodies."""

from attrs import field, frozen

from lazyimg.errors import ContentMismatch, InvalidDigest, InvalidDocument
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.registry.conversation import Answer
from lazyimg.registry.location import resolve
from lazyimg.registry.transport.wire import host_of

_CREATED = 201
_PAGE = "text/html"


@frozen(kw_only=True)
class RawManifest:
    """A manifest or index as a registry sent it, verified.

    Attributes:
        media_type: the answer's ``Content-Type``, without parameters; empty if there was none.
        digest: of the bytes.
        data: the bytes.
    """

    media_type: str
    digest: Digest
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, answer: Answer, digest: Digest, doing: str) -> "RawManifest":
        """Take it from an answer, whose bytes have that digest.

        Raises:
            InvalidDocument: it is a page for browsers, as of a web server that is no registry.
        """
        media_type = media_type_of(answer)
        if media_type == _PAGE:
            raise InvalidDocument(
                f"cannot {doing}: {host_of(answer.url)} answered {answer.status} with {_PAGE}, no manifest: "
                "is it a registry? Check host and port"
            )
        return cls(media_type=media_type, digest=digest, data=answer.data)


def refuse_page(answer: Answer, doing: str) -> None:
    """Refuse a page: by its type and how it begins, as registries were seen to send JSON under its type.

    Raises:
        InvalidDocument: it is one.
    """
    if media_type_of(answer) == _PAGE and answer.data.lstrip().startswith(b"<"):
        raise InvalidDocument(
            f"cannot {doing}: {host_of(answer.url)} answered {answer.status} with a page for browsers, as no "
            "registry does: is it one? Check host and port"
        )


def announced_digest(answer: Answer) -> Digest | None:
    """Return the digest that the registry says the content has, None if it does not say or says no digest."""
    try:
        return Digest(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidDigest:
        return None


def check_stored(answer: Answer, digest: Digest, where: str) -> None:
    """Hold what a registry says that it stored against what was sent.

    Raises:
        ContentMismatch: it says another digest.
    """
    stored = announced_digest(answer)
    if stored is not None and stored.algorithm == digest.algorithm and stored != digest:
        raise ContentMismatch(f"{where} says that it stored {stored}; sent was {digest}")


def named_digest(reference: str) -> Digest | None:
    """Return the digest that a manifest is asked for by; None of a tag."""
    return Digest(reference) if ":" in reference else None


def media_type_of(answer: Answer) -> str:
    """Return the media type, in lower case and without parameters; empty if there is none."""
    return str(answer.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def length_of(header: str | None) -> int | None:
    """Read a ``Content-Length``, None if there is none that can be used.

    >>> length_of("12"), length_of("-1"), length_of(None)
    (12, None, None)
    """
    return int(header) if header and header.isascii() and header.isdecimal() and len(header) <= 18 else None  # noqa: PLR2004 - digits of a 64 bit number


def described(answer: Answer) -> Descriptor | None:
    """Read a descriptor from the headers of a HEAD, None if they do not tell all of it."""
    digest, size = announced_digest(answer), length_of(answer.headers.get("Content-Length"))
    media_type = media_type_of(answer)
    if digest is None or size is None or media_type in {"", _PAGE}:
        return None
    return Descriptor(media_type=media_type, digest=digest, size=size)


@frozen
class Begun:
    """A begun upload, as the registry told of it.

    Attributes:
        location: where it goes on.
        least: bytes that each chunk but the last has to have (``OCI-Chunk-Min-Length``).
    """

    location: str
    least: int = 0

    @classmethod
    def of(cls, answer: Answer) -> "Begun":
        """Read the answer to the POST (distribution-spec, "Pushing a blob in chunks").

        Raises:
            RegistryError: it does not tell where to go on.
        """
        least = length_of(answer.headers.get("OCI-Chunk-Min-Length"))
        return cls(resolve(answer.url, answer.headers.get("Location")), least or 0)


def is_mounted(answer: Answer) -> bool:
    """Tell whether a mount put the blob in place, or began an upload instead (202, usually)."""
    return answer.status == _CREATED or "/uploads/" not in answer.headers.get("Location", "/uploads/")
