"""What the tests of values share."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def pickled() -> Callable[[Any], Any]:
    """Give a function that returns what comes of a value by way of a pickle."""
    return lambda value: pickle.loads(pickle.dumps(value))  # noqa: S301  # written one line before
