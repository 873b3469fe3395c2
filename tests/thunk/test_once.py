"""A value that is set once and waited for by many."""

import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from lazyimg.thunk.once import Once


def test_a_cell_goes_from_pending_to_known_and_stays_there() -> None:
    """The first to settle a cell settles it for good."""
    cell: Once[int] = Once()
    assert cell.state == "pending"
    cell.set(1)
    cell.set(2)
    cell.fail(ValueError("late"))
    assert (cell.state, cell.get()) == ("known", 1)


def test_a_cell_goes_from_pending_to_failed_and_stays_there() -> None:
    """The very error comes out, each time."""
    cell: Once[int] = Once()
    error = ValueError("at first")
    cell.fail(error)
    cell.set(1)
    cell.fail(KeyError("late"))
    assert cell.state == "failed"
    for _ in range(2):
        with pytest.raises(ValueError, match="at first") as caught:
            cell.get()
        assert caught.value is error


def test_none_is_a_value() -> None:
    """A cell that knows None is not pending."""
    cell: Once[None] = Once()
    cell.set(None)
    assert cell.get(timeout=0) is None
    assert cell.state == "known"


def test_all_who_wait_get_the_value() -> None:
    """Many threads wait for one cell, and all get the same object."""
    cell: Once[object] = Once()
    value = object()
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(cell.get) for _ in range(16)]
        time.sleep(0.02)
        assert not any(waiter.done() for waiter in waiting)
        cell.set(value)
        assert all(waiter.result(timeout=10) is value for waiter in waiting)


def test_all_who_wait_get_the_failure() -> None:
    """A failure reaches every waiter as the very error, and its traceback does not grow with them."""
    cell: Once[int] = Once()
    error = OSError("the source broke")
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(cell.get) for _ in range(16)]
        time.sleep(0.02)
        cell.fail(error)
        assert all(waiter.exception(timeout=10) is error for waiter in waiting)
    for _ in range(100):
        with pytest.raises(OSError, match="broke"):
            cell.get()
    assert len(traceback.extract_tb(error.__traceback__)) < 10


def test_the_traceback_tells_where_it_failed() -> None:
    """Who waits sees the frames of the failure itself."""
    cell: Once[int] = Once()

    def break_down() -> None:
        raise OSError("the source broke")

    try:
        break_down()
    except OSError as error:
        cell.fail(error)
    with pytest.raises(OSError, match="broke") as caught:
        cell.get()
    assert "break_down" in {frame.name for frame in traceback.extract_tb(caught.value.__traceback__)}


@pytest.mark.parametrize("timeout", [0, 0.01, 0.25])
def test_a_wait_ends_after_its_timeout(timeout: float) -> None:
    """TimeoutError says how long was waited; the cell stays pending."""
    cell: Once[int] = Once()
    with pytest.raises(TimeoutError, match=f"after {timeout:g} s"):
        cell.get(timeout=timeout)
    assert cell.state == "pending"


def test_what_check_raises_ends_the_wait() -> None:
    """A wait without end looks up now and then."""
    cell: Once[int] = Once()
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        cell.get(check=check)
    assert len(calls) == 2


def test_a_known_value_is_given_without_a_look_up() -> None:
    """Neither the timeout nor the check matters once the value is there."""
    cell: Once[int] = Once()
    cell.set(3)

    def check() -> None:
        raise AssertionError("called")

    assert cell.get(timeout=-1, check=check) == 3


def test_of_many_that_set_one_wins() -> None:
    """Whoever comes first, every reader sees the same value."""
    cell: Once[int] = Once()
    barrier = threading.Barrier(8)

    def settle(number: int) -> int:
        barrier.wait()
        cell.set(number)
        return cell.get()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(settle, range(8)))) == 1
