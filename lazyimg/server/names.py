"""The grammar of what stands in an address: repository names, tags, digests."""

from __future__ import annotations

import re

from lazyimg.errors import InvalidDigest
from lazyimg.oci.digest import Digest
from lazyimg.server.errors import digest_invalid, name_invalid

NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
"""Repository names (distribution-spec, "Pulling manifests")."""

NAME_LIMIT = 255
"""The longest repository name, in characters."""

TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
"""Tags (distribution-spec, "Pulling manifests")."""


def is_name(text: str) -> bool:
    """Tell whether a text is a repository name.

    >>> is_name("library/python"), is_name("library//python"), is_name("")
    (True, False, False)
    """
    return len(text) <= NAME_LIMIT and NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return ``name`` if it is a repository name.

    >>> check_name("library/python")
    'library/python'

    Raises:
        ApiError: 400 NAME_INVALID.
    """
    if not is_name(name):
        raise name_invalid(name[:NAME_LIMIT])
    return name


def is_tag(text: str) -> bool:
    """Tell whether a text is a tag.

    >>> is_tag("v1.0"), is_tag("sha256:0"), is_tag(".v1")
    (True, False, False)
    """
    return TAG.fullmatch(text) is not None


def is_digest(reference: str) -> bool:
    """Tell whether the reference of a manifest is a digest, well-formed or not, and no tag."""
    return ":" in reference


def parse_digest(text: str) -> Digest:
    """Return the digest that ``text`` is.

    Raises:
        ApiError: 400 DIGEST_INVALID.
    """
    try:
        return Digest(text)
    except InvalidDigest as error:
        raise digest_invalid(text, str(error)) from error
