"""The name of a mirror. This module loads no HTTP library."""

from attrs import frozen

from lazyimg.errors import InvalidSetting
from lazyimg.oci.registry_name import canonical_registry


@frozen
class MirrorName:
    """Where a mirror is.

    Attributes:
        host: its registry, as references name it.
        prefix: what comes before the repository's name there; empty, or with a slash at its end.
    """

    host: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> "MirrorName":
        """Read ``host[:port][/prefix]``.

        Raises:
            InvalidSetting: it is something else; it is not repeated, as it could hold a password.
            InvalidReference: its host is no registry's name.

        >>> MirrorName.parse("harbor.lan/hub")
        MirrorName(host='harbor.lan', prefix='hub/')
        """
        host, _, prefix = text.rstrip("/").partition("/")
        if not host or "@" in text or "://" in text or any(letter.isspace() for letter in text):
            raise InvalidSetting(
                "a mirror is named as host[:port][/prefix], without scheme, user or password"
            )
        return cls(canonical_registry(host), f"{prefix}/" if prefix else "")
