"""The last blocks of a blob."""

from lazyimg.content.window import KEEP, Window


def test_only_the_last_blocks_are_kept() -> None:
    """What came long before is gone; what is kept is found by number and by offset."""
    window = Window()
    for number in range(KEEP + 3):
        window.add(bytes([number]) * 10, f"digest {number}")
    assert window.end == (KEEP + 3) * 10
    assert window.end_number == KEEP + 3
    assert not window.begins_at_zero
    assert window.find(0) is window.find(29) is None
    assert window.find(30) == window.find(39) == 3
    assert window.find(window.end) == window.end_number
    assert window.find(window.end + 1) is None
    assert window.block(3) == b"\x03" * 10
    assert window.block(window.end_number) is None
    assert window.start_of(3) == 30
    assert window.start_of(window.end_number) == window.end
    assert len(list(window.blocks())) == KEEP


def test_digests_are_known_at_the_seams() -> None:
    """Between two blocks the digest of all before is known, and nowhere else."""
    window = Window()
    window.add(b"abc", "of abc")
    assert window.digest_at(0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert window.digest_at(3) == "of abc"
    assert window.digest_at(1) is window.digest_at(4) is None
    assert window.number_at(3) == 1
    assert window.number_at(0) == 0
    assert window.begins_at_zero
