"""Content at a URL of any file system that fsspec knows: S3, GCS, HTTP, SFTP (extra ``fsspec``)."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from lazyimg.content.source import Readable
from lazyimg.errors import MissingExtra, SourceError
from lazyimg.thunk.key import Keyed

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:://|::)")
_USER = re.compile(r"://[^/?#]*@")


@frozen
class Url:
    """A URL as fsspec takes it; shown without its query, which may sign it.

    >>> print(Url("s3://bucket/rootfs.tar"), Url("https://a.example/x.tar?signature=1"))
    s3://bucket/rootfs.tar https://a.example/x.tar

    Raises:
        ValueError: it is a plain path, or holds a user or a password.
    """

    text: str = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if _URL.match(self.text) is None:
            raise ValueError(f"{self.text[:100]!r} is no URL: a path of this machine is for Layer.from_tar")
        if _USER.search(self.text):
            raise ValueError("the URL holds a user or a password: give credentials as options=, or to fsspec")

    def __str__(self) -> str:
        return self.text.partition("?")[0]


class Options(Keyed):
    """What fsspec needs besides the URL: end points, credentials. Shown nowhere, and not pickled.

    Args:
        values: by name, as `fsspec.open` takes them.
    """

    __slots__ = ("_token", "values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self._token = secrets.token_hex(16) if self.values else ""

    @property
    def key(self) -> str:
        """What stands for them in keys: random, unless there are none."""
        return self._token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self._token)

    def __repr__(self) -> str:
        return f"<{len(self.values)} options>"

    def __reduce__(self) -> Any:
        if self.values:
            raise TypeError(
                "options of a URL may hold credentials, and are not pickled: leave them to fsspec"
            )
        return Options, ({},)


@frozen
class UrlSource:
    """A tar, or a blob, at a URL; it must give the same bytes each time it is opened.

    Args:
        url: where.
        options: for fsspec.
    """

    url: Url
    options: Options
    one_shot = False

    def describe(self) -> str:
        """Return the URL, without its query."""
        return str(self.url)

    def open(self) -> Readable:
        """Open it.

        Raises:
            MissingExtra: fsspec is not installed, or what it needs for this kind of URL.
            SourceError: it is not there, or cannot be read.
        """
        return Readable(self._opened(), self.describe())

    def _opened(self) -> Any:
        try:
            import fsspec  # type: ignore[import-untyped] # noqa: PLC0415 - an extra, loaded on use
        except ImportError as error:
            raise MissingExtra(
                "a layer from a URL needs the fsspec library, which is not installed: "
                "pip install 'lazyimg[fsspec]'"
            ) from error
        try:
            return fsspec.open(self.url.text, "rb", **self.options.values).open()
        except ImportError as error:
            raise MissingExtra(f"{self.describe()} needs one more library: {error}") from error
        except (OSError, ValueError) as error:
            failed = SourceError(f"cannot open {self.describe()}: {_without(self.url, error)}; check the URL")
            failed.errno = getattr(error, "errno", None)
            raise failed from error


def _without(url: Url, error: Exception) -> str:
    """What an error says, without the URL's query."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    text = str(error) or type(error).__name__
    return text.replace(url.text, str(url))[:300]
