"""What a cloud's service answered, as far as it can be repeated: its code, and nothing of its message.

A message may repeat what was sent, a credential too, in forms that nobody can foresee.
"""

import re
from typing import NoReturn

from lazyimg.errors import CredentialError, MissingExtra

_CODE = re.compile(r"[A-Za-z][A-Za-z_.]{1,59}")


def code_of(value: object) -> str:
    """Return a code as it is, and nothing of what is none.

    >>> code_of("AccessDeniedException"), code_of("the token s3cret-1 is wrong")
    ('AccessDeniedException', '')
    """
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def refuse_pickle() -> NoReturn:
    """Refuse to pickle a keychain that was given an object of a cloud's library.

    Raises:
        TypeError: always.
    """
    raise TypeError("credentials are never pickled: make the keychain where it is needed")


def failure(registry: str, service: str, reason: str, advice: str) -> CredentialError:
    """Make the error for a service that gave no credentials."""
    return CredentialError(f"cannot get credentials for {registry} from {service}: {reason}. {advice}")


def missing(what: str, library: str, extra: str) -> MissingExtra:
    """Make the error for a library that is not installed."""
    return MissingExtra(
        f"{what} needs the {library} library, which is not installed: pip install 'lazyimg[{extra}]'"
    )
