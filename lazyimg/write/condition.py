"""Conditions on a tag: it moves only if it is absent, or still where somebody saw it.

Registries have no conditional PUT. A tag is asked for just before it is moved, and between the two another
writer may move it: what a condition catches is another writer of minutes ago, not one of this millisecond.
In an OCI layout, which has a lock, it catches every writer that takes the lock.
"""

from typing import Final

from lazyimg.errors import InvalidDigest, InvalidTarget, TagMoved
from lazyimg.oci.digest import Digest

ABSENT: Final = "absent"

Condition = str
"""`ABSENT`, or the digest that a tag must say."""


def as_condition(value: str | None) -> Condition | None:
    """The condition that a user named.

    Raises:
        InvalidTarget: it is neither ``absent`` nor a digest.

    >>> as_condition("absent")
    'absent'
    """
    try:
        return value if value is None or value == ABSENT else Digest(value)
    except InvalidDigest as error:
        raise InvalidTarget(
            f"if_tag={value!r} is no condition: say 'absent', the digest that the tag must have, or None"
        ) from error


def refuse_moved(name: str, found: Digest | None, condition: Condition) -> None:
    """Refuse to move a tag that is not as the condition says.

    Args:
        name: the tag, with where it is.
        found: the digest that it says now; None if it is not there.
        condition: how it has to be.

    Raises:
        TagMoved: it is not so.
    """
    if condition == (ABSENT if found is None else found):
        return
    expected = "there was none" if condition == ABSENT else f"it said {condition}"
    now = "there is none" if found is None else f"it says {found}"
    raise TagMoved(
        f"{name} was to be moved only if {expected}, but {now}: nothing was moved; "
        "somebody else wrote it, so read it again and decide anew",
        tag=name,
        found=found,
    )
