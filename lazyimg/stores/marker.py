"""The file that makes a directory, or an archive, an OCI layout."""

from lazyimg.errors import LayoutError
from lazyimg.oci.document import loads

VERSION = {"imageLayoutVersion": "1.0.0"}


def refuse_other_version(marker: bytes, what: str) -> None:
    """Check what ``oci-layout`` says.

    Args:
        marker: the file's bytes.
        what: its path, for messages.

    Raises:
        LayoutError: it names another version than 1.0.0.
        InvalidDocument: it is no JSON.
    """
    found = loads(marker, what=what)
    version = found.get("imageLayoutVersion") if isinstance(found, dict) else None
    if version != VERSION["imageLayoutVersion"]:
        raise LayoutError(
            f"{what} names the layout version {version!r}; only {VERSION['imageLayoutVersion']} is known"
        )
