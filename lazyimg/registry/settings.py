"""What a setting has to be: refused by its name where it is made, and not where it is used, much later."""

import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from lazyimg.errors import InvalidSetting

if TYPE_CHECKING:
    from attrs import Attribute

_HEADER = re.compile(r"[\x20-\x7e]+")
_SHOWN = (str, int, float)  # who knows what others show of themselves
MOST_SECONDS = 1_000_000  # eleven days; not much more fits into what a socket is told
_LONGEST = 60  # characters of a value that are repeated

File = str | os.PathLike[str]
Certificate = File | tuple[File, File]  # with its key: in one file, or in two
Proxy = str | Literal[False]  # False: none, whatever the environment says
V = TypeVar("V")
Validator = Callable[[Any, "Attribute[Any]", Any], None]


def wrong(name: str, value: object, wanted: str, *, is_secret: bool = False) -> InvalidSetting:
    """Word that a setting cannot be what it was given.

    Args:
        name: of the setting.
        value: what it was given.
        wanted: what it has to be.
        is_secret: whether the value may be one, of which nothing is repeated.

    >>> str(wrong("jobs", "4", "a whole number from 1 on"))
    "jobs='4' is a str: a whole number from 1 on is wanted"
    >>> str(wrong("password", None, "a text", is_secret=True))
    'password is a NoneType: a text is wanted'
    >>> str(wrong("timeout", -5, "a number of seconds above 0"))
    'timeout=-5: a number of seconds above 0 is wanted'
    """
    shown = f"={value!r}"[:_LONGEST] if isinstance(value, _SHOWN) and not is_secret else ""
    kind = f"the class {value.__qualname__}" if isinstance(value, type) else f"a {type(value).__qualname__}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and bool(shown)
    return InvalidSetting(f"{name}{shown}{'' if is_number else f' is {kind}'}: {wanted} is wanted")


def may(fits: Callable[[Any], bool], wanted: str, *, is_secret: bool = False) -> Validator:
    """A validator of attrs that takes what fits, and None; see `must`."""
    return must(lambda value: value is None or fits(value), wanted, is_secret=is_secret)


def must(fits: Callable[[Any], bool], wanted: str, *, is_secret: bool = False) -> Validator:
    """A validator of attrs that takes what fits.

    Args:
        fits: tells of a value.
        wanted: what that is, for messages.
        is_secret: whether nothing of what does not fit may be repeated.
    """

    def check(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
        if not fits(value):
            raise wrong(attribute.name, value, wanted, is_secret=is_secret)

    return check


def is_str(value: object) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def is_count(value: object, least: int = 0) -> bool:
    """Whether it is a whole number, and not below ``least``."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_seconds(value: object) -> bool:
    """Whether it is a time to wait, in seconds, no longer than systems can: ``nan`` is none, nor is True."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_SECONDS


def is_file(value: object) -> bool:
    """Whether it can name a file."""
    try:
        return isinstance(value, str | os.PathLike) and b"\0" not in os.fsencode(value)
    except (TypeError, ValueError):  # of what it says its path is, or of half a letter
        return False


def is_header(value: object) -> bool:
    """Whether it can stand in a header: letters that everybody has, in one line."""
    return isinstance(value, str) and _HEADER.fullmatch(value) is not None


def has_method(name: str) -> Callable[[object], bool]:
    """Whether it is an object, and not a class of such, that can be asked for something.

    >>> has_method("upper")("a"), has_method("upper")(str)
    (True, False)
    """
    return lambda value: not isinstance(value, type) and callable(getattr(value, name, None))


is_keychain = has_method("credentials")
A_KEYCHAIN = "a keychain, such as StaticKeychain({'ghcr.io': ('me', 'secret')}),"


def check_keychain(value: object) -> None:
    """Refuse what is no keychain, as no None is.

    Raises:
        InvalidSetting: it is none; nothing of it is repeated.
    """
    if value is not None and not is_keychain(value):
        raise wrong("keychain", value, A_KEYCHAIN, is_secret=True)


def by_name(pairs: Iterable[tuple[Any, V]], canonical: Callable[[str], str], what: str) -> dict[str, V]:
    """Settings by the one name of each registry, however it was written.

    Args:
        pairs: names, and what is said of each.
        canonical: makes the one name.
        what: the setting, for messages.

    Raises:
        InvalidSetting: two names of one registry, of which one would be lost; or something that is no name.

    >>> by_name([("B", 1)], str.lower, "hosts")
    {'b': 1}
    """
    found: dict[str, V] = {}
    for name, value in pairs:
        if not isinstance(name, str):
            raise wrong(f"a name in {what}", name, "a text, host[:port],")
        one = canonical(name)
        if one in found:
            raise InvalidSetting(
                f"{what} names {one} twice, the second time as {name[:100]!r}: say all at once"
            )
        found[one] = value
    return found
