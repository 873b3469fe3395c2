"""How much trying again a whole write may cost: a registry that fails more than it answers is given up.

A request has its own few retries. A write makes hundreds of requests, and a registry that is dying answers
each of them at the last moment; so all requests of a write share a second budget. A retry takes from it, and
what succeeds gives some back: a line that is merely bad gets everything through, at any length.
"""

import math
import threading

from attrs import define, field


@define(eq=False)
class Budget:
    """The retries that the requests of one write have together. Thread safe.

    Attributes:
        most: how many there may be; without end by default.

    >>> budget = Budget(most=1)
    >>> budget.spend(), budget.spend()
    (True, False)
    >>> budget.earn(), budget.earn(), budget.spend(), budget.spent
    (None, None, True, 2)
    """

    most: float = math.inf
    spent: int = field(default=0, init=False)
    _left: float = field(init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    @_left.default
    def _all(self) -> float:
        return self.most

    def spend(self) -> bool:
        """Take one retry; tell whether there was one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            self.spent += 1
            return True

    def earn(self, share: float = 0.5) -> None:
        """Give back a part of a retry, for something that went well.

        Args:
            share: how much of one.
        """
        with self._lock:
            self._left = min(self.most, self._left + share)
