"""The identities that a stream's layers come to."""

import pytest

from lazyimg.content.identities import Identities


def test_a_layer_has_one_cell() -> None:
    """Whoever asks for the same layer waits for the same thing."""
    identities = Identities()
    assert identities.cell("a") is identities.cell("a") is not identities.cell("b")


def test_a_failure_reaches_who_waits_and_who_comes_later() -> None:
    """Every cell fails with that very error; what is known stays known."""
    identities, error = Identities(), ZeroDivisionError("mine")
    known, waiting = identities.cell("known"), identities.cell("waiting")
    known.set("value")
    identities.fail(error)
    assert known.get() == "value"
    for cell in (waiting, identities.cell("later")):
        with pytest.raises(ZeroDivisionError) as caught:
            cell.get()
        assert caught.value is error
