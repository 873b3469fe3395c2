"""The third thing besides a value and None: a field that stays as it is."""

from enum import Enum
from typing import Final


class Keep(Enum):
    """The value of a field that is not named: it stays as it is. None removes, so it cannot mean this."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep.KEEP
