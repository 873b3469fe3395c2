"""Secrets: texts and bytes that do not show themselves. This module imports nothing of the package."""

from collections.abc import Mapping
from typing import Any, NoReturn, SupportsIndex, overload

MASK = "***"


class SecretBytes(bytes):
    """Bytes that hold a secret, as `Secret` is a text that is one.

    >>> SecretBytes(b"s3cret")
    ***
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    @overload
    def __getitem__(self, place: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> "SecretBytes": ...

    def __getitem__(self, place: SupportsIndex | slice) -> "int | SecretBytes":
        found = super().__getitem__(place)
        return SecretBytes(found) if isinstance(found, bytes) else found


class Secret(str):
    """A text that is not shown by ``repr``, so by no debugger, notebook or traceback with its locals.

    It is sent, joined and compared as the text it is; what it is joined into is a plain text again.

    >>> Secret("s3cret"), f"Bearer {Secret('s3cret')}"
    (***, 'Bearer s3cret')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK if self else "''"

    def __getitem__(self, place: SupportsIndex | slice) -> "Secret":
        return Secret(super().__getitem__(place))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("credentials are never pickled: name a keychain where they are needed")


def hidden(value: Any) -> Any:
    """Return a JSON value whose texts are not shown; keys are.

    >>> hidden({"auth": ["s3cret", 7]})
    {'auth': [***, 7]}
    """
    if isinstance(value, Mapping):
        return {key: hidden(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hidden(one) for one in value]
    return Secret(value) if isinstance(value, str) else value
