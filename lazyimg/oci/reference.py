"""References: which image in which repository of which registry.

The grammar is that of the distribution project (``reference``): it is what every other tool accepts. A
weak reading fills in what Docker fills in; a strict one fills in nothing.
"""

from __future__ import annotations

import re
from typing import Final, Self

import attrs

from lazyimg.errors import InvalidDigest, InvalidReference
from lazyimg.oci.digest import Digest
from lazyimg.oci.registry_name import (
    DOCKER_HUB,
    DOCKER_HUB_HOST,
    canonical_registry,
    is_loopback,
    looks_like_registry,
)

DEFAULT_REGISTRY: Final = DOCKER_HUB
DEFAULT_NAMESPACE: Final = "library"
DEFAULT_TAG: Final = "latest"

_MAX_REPOSITORY: Final = 255
_MAX_TEXT: Final = 1024
_COMPONENT: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*").fullmatch
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}").fullmatch
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._\-/:\[\]]").search
_IMAGE_ID: Final = re.compile(r"[0-9a-f]{64}").fullmatch


def checked_repository(text: str) -> str:
    """Return the name of a repository, or of what repositories are below.

    Raises:
        InvalidReference: it is none.
    """
    if _REPOSITORY(text) is None:
        hint = "it must be in lower case" if _REPOSITORY(text.lower()) else "see the distribution-spec's rule"
        raise InvalidReference(f"{text[:100]!r} is no repository name: {hint}")
    if len(text) > _MAX_REPOSITORY:
        raise InvalidReference(f"a repository name has at most {_MAX_REPOSITORY} letters, this {len(text)}")
    return text


def _tag(text: str | None) -> str | None:
    if text is not None and _TAG(text) is None:
        raise InvalidReference(
            f"{text[:140]!r} is no tag: it has 1 to 128 letters, digits, '_', '.' and '-', and begins with "
            "neither '.' nor '-'"
        )
    return text


def _digest(text: str | None) -> Digest | None:
    try:
        return None if text is None else Digest(text)
    except InvalidDigest as error:
        raise InvalidReference(str(error)) from None


@attrs.frozen
class Reference:
    """An image's name: registry, repository, and a tag or digest or both.

    The digest wins where there are both; the tag is kept.

    Attributes:
        registry: ``host[:port]``; Docker Hub is always ``docker.io``.
        repository: the path within the registry (distribution-spec, "Pulling manifests": ``<name>``).
        tag: or None.
        digest: or None.

    Raises:
        InvalidReference: a part has not the form it must have.

    Example:
        >>> Reference.parse("python")
        Reference(registry='docker.io', repository='library/python', tag='latest', digest=None)
        >>> str(Reference.parse("ghcr.io/me/app:1"))
        'ghcr.io/me/app:1'
    """

    registry: str = attrs.field(converter=canonical_registry)
    repository: str = attrs.field(converter=checked_repository)
    tag: str | None = attrs.field(default=None, converter=_tag)
    digest: Digest | None = attrs.field(default=None, converter=_digest)

    def __attrs_post_init__(self) -> None:
        if self.registry == DOCKER_HUB and "/" not in self.repository:
            raise InvalidReference(
                f"a repository of {DOCKER_HUB} has two parts: {DEFAULT_NAMESPACE}/{self.repository}"
            )

    @classmethod
    def parse(cls, text: str, *, strict: bool = False) -> Self:
        """Read a reference as a user writes it.

        Args:
            text: ``[registry/]repository[:tag][@digest]``.
            strict: refuse what leaves out the registry, ``library/``, or both tag and digest, instead of
                filling in ``docker.io``, ``library/`` and ``latest``.

        Raises:
            InvalidReference: it is no reference. The error repeats no text that may hold a credential.
        """
        name, digest = _split_digest(text)
        registry, path = _split_registry(name, strict=strict)
        repository, colon, tag = path.partition(":")
        if registry == DOCKER_HUB and "/" not in repository:
            _fill_in(f"the namespace '{DEFAULT_NAMESPACE}/'", strict=strict)
            repository = f"{DEFAULT_NAMESPACE}/{repository}"
        if not colon and digest is None:
            _fill_in("a tag or a digest", strict=strict)
            colon, tag = ":", DEFAULT_TAG
        return cls(registry, repository, tag if colon else None, digest)

    @classmethod
    def of(cls, value: str | Self) -> Self:
        """Take a reference as it is, or read one.

        Raises:
            InvalidReference: it is none, or is something else, such as a variable that was never set.

        >>> Reference.of("ghcr.io/me/app:1").tag
        '1'
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise InvalidReference(
                f"a {type(value).__qualname__} is no reference: write host/repository:tag, as a text"
            )
        return cls.parse(value)

    @property
    def host(self) -> str:
        """The ``host[:port]`` to dial, which for Docker Hub is another than its name."""
        return DOCKER_HUB_HOST if self.registry == DOCKER_HUB else self.registry

    @property
    def name(self) -> str:
        """Registry and repository, such as ``docker.io/library/python``."""
        return f"{self.registry}/{self.repository}"

    @property
    def identifier(self) -> str:
        """What to ask the repository for: the digest, else the tag, else ``latest``."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def scheme(self) -> str:
        """``http`` for this machine (localhost, its subdomains, loopback addresses), else ``https``."""
        return "http" if is_loopback(self.registry) else "https"

    def with_tag(self, tag: str | None) -> Self:
        """Return the reference with this tag, or none; a digest stays."""
        return attrs.evolve(self, tag=tag)

    def with_digest(self, digest: str | None) -> Self:
        """Return the reference with this digest, or none; a tag stays."""
        return attrs.evolve(self, digest=digest)

    def without_identifier(self) -> Self:
        """Return the reference with neither tag nor digest: the repository."""
        return attrs.evolve(self, tag=None, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return self.name + tag + digest


def _split_digest(text: str) -> tuple[str, Digest | None]:
    name, at, digest = text.rpartition("@")
    if not at:
        return _checked(text), None
    try:
        return _checked(name), Digest(digest)
    except InvalidDigest:
        # What stands before an '@' may be a user and a password: neither side is repeated.
        raise InvalidReference(
            "what follows '@' in a reference must be a digest, sha256:<64 hex digits> or sha512:<128>, in "
            "lower case; a user name or password never belongs into a reference: use a keychain"
        ) from None


def _checked(name: str) -> str:
    if "://" in name:
        raise InvalidReference(
            "a reference has no scheme: write host/repository:tag, without http:// or https://"
        )
    foreign = _FOREIGN(name)
    if foreign is not None:
        raise InvalidReference(f"a reference cannot hold {foreign[0]!r} (at letter {foreign.start() + 1})")
    if not name or len(name) > _MAX_TEXT:
        raise InvalidReference("the reference is empty" if not name else "the reference is too long")
    if _IMAGE_ID(name):
        raise InvalidReference(
            "64 hexadecimal digits are an image ID, not a repository: write name@sha256:<digits>"
        )
    return name


def _split_registry(name: str, *, strict: bool) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and looks_like_registry(first):
        return canonical_registry(first), rest
    _fill_in("a registry", strict=strict)
    return DEFAULT_REGISTRY, name


def _fill_in(what: str, *, strict: bool) -> None:
    if strict:
        raise InvalidReference(f"a strict reference names {what}; it is missing here")
