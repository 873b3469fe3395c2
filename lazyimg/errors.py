"""What can go wrong, as one family.

Every error that leaves lazyimg derives from `LazyImgError`, and from the builtin it refines, so that
``except PermissionError`` catches a denied push and ``except LookupError`` a missing manifest. A message
says what was being done, to what, what the other side answered, and what to do about it. No message, and
no attribute, ever holds a credential.

An error raised while a graph is forced carries exception notes: the path of thunks that led to it and
where in the user's code each was composed.

Messages name things that strangers named: platforms, files, labels. What nobody could see in them, such as a
terminal's escape sequences, is shown written out.
"""

import re

_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""A text with what nobody could see in it written out; its lines stay.

    >>> visible("red \x1b[31m")
    'red \\x1b[31m'
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class LazyImgError(Exception):
    """The root of everything lazyimg raises on purpose."""

    def __str__(self) -> str:
        return visible(super().__str__())

    def add_note(self, note: str, /) -> None:
        """Add a line that is shown below the message."""
        super().add_note(visible(note))


# --- values (oci/) -----------------------------------------------------------------------------------


class InvalidReference(LazyImgError, ValueError):
    """A text that is no image reference."""


class InvalidDigest(LazyImgError, ValueError):
    """A text that is no digest of a registered algorithm."""


class InvalidDocument(LazyImgError, ValueError):
    """Bytes that are no manifest, index, config or JSON document, or one that contradicts itself."""


class InvalidPlatform(LazyImgError, ValueError):
    """A text that is no platform."""


class ContentMismatch(LazyImgError, ValueError):
    """Bytes whose digest or size is not the one that was asked for."""


# --- thunks ------------------------------------------------------------------------------------------


class GraphCycle(LazyImgError, ValueError):
    """Thunks that depend on themselves."""


class ForcedInside(LazyImgError, RuntimeError):
    """An evaluation asked for a value that is not yet known, instead of declaring it as an input."""


class Cancelled(LazyImgError, RuntimeError):
    """The run was ended by another failure or by the user before this thunk had its value."""


class NobodyConsumes(LazyImgError, RuntimeError):
    """The identity of a one-shot stream was asked for on the main thread and no write will ever read it."""


class StreamSpent(LazyImgError, RuntimeError):
    """A one-shot stream that was read already, or is being read by another write."""


class IdentityTimeout(LazyImgError, TimeoutError):
    """The wait for a layer's identity took longer than the caller allowed."""


# --- content -----------------------------------------------------------------------------------------


class SourceError(LazyImgError, OSError):
    """A local source could not be opened or read."""


class SourceChanged(SourceError):
    """A local source changed while it was being read."""


class InvalidContent(LazyImgError, ValueError):
    """Layer bytes that are not what they were said to be: no tar, no gzip, no zstd."""


class MissingExtra(LazyImgError, ImportError):
    """A feature whose library is an extra that is not installed."""


# --- settings ----------------------------------------------------------------------------------------


class InvalidSetting(LazyImgError, ValueError):
    """A setting of an engine or a client that cannot be used: a proxy's address, a file of certificates."""


# --- registries --------------------------------------------------------------------------------------


class CredentialError(LazyImgError, RuntimeError):
    """Credentials could not be read: a broken file, a missing or failing helper."""


class RegistryUnreachable(LazyImgError, ConnectionError):
    """No answer from the registry: refused, reset, or not found."""


class RegistryTimeout(RegistryUnreachable, TimeoutError):
    """The registry did not answer in time."""


class RegistryError(LazyImgError):
    """The registry answered, and the answer was no.

    Attributes:
        status: the HTTP status.
        codes: the registry's error codes, such as ``("DENIED",)`` (distribution-spec, "Error Codes").
        is_repeated: whether it was asked again because an answer was lost or was a fault: what it refuses
            now it may have done before.
    """

    is_repeated = False

    def __init__(self, message: str, *, status: int = 0, codes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.codes = codes


class Unauthorized(RegistryError, PermissionError):
    """The registry wants credentials, or other credentials (401)."""


class Denied(RegistryError, PermissionError):
    """The registry knows who is asking and refuses (403, or a push answered 404)."""


class NotFound(RegistryError, LookupError):
    """The registry has no such repository, manifest or blob (404)."""


class RegistryWarning(UserWarning):
    """What a registry warns of in an answer that is no error (distribution-spec, "Warnings")."""


# --- images and writes -------------------------------------------------------------------------------


class PlatformNotFound(LazyImgError, LookupError):
    """An index has no image for the platform, or was read without naming one."""


class ImageNotFound(LazyImgError, LookupError):
    """A layout, archive or daemon that has no such image, or several while none was named."""


class InvalidImage(LazyImgError, ValueError):
    """An image or index that is not what its documents say; `lazyimg.Image.validate` tells what is wrong."""


class InvalidMutation(LazyImgError, ValueError):
    """A mutation that does not apply to the image it was asked of."""


class BlobNotFound(LazyImgError, LookupError):
    """A layout or archive that has no such blob."""


class LayoutError(LazyImgError, ValueError):
    """A directory that is no OCI layout, or a broken one."""


class ArchiveError(LazyImgError, ValueError):
    """A file that is no image archive, or a broken one."""


class DaemonError(LazyImgError, OSError):
    """The docker daemon cannot be reached, or refused."""


class LayoutUnwritable(LazyImgError, OSError):
    """An OCI layout that the system does not let be written: a full or a read-only disk."""


class ArchiveUnwritable(LazyImgError, OSError):
    """An image archive that the system does not let be written: a full or a read-only disk."""


class DirectoryInUse(LazyImgError, OSError):
    """A directory that another registry or writer holds."""


class InvalidTarget(LazyImgError, ValueError):
    """A target that cannot hold what it is to be given, or that contradicts another."""


class TagMoved(LazyImgError, RuntimeError):
    """A tag is not where it had to be for this write: nothing was moved (``if_tag=``).

    Attributes:
        tag: which.
        found: the digest that it says; None if there is no such tag.
    """

    def __init__(self, message: str, *, tag: str = "", found: str | None = None) -> None:
        super().__init__(message)
        self.tag = tag
        self.found = found
