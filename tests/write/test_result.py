"""What a write says that it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lazyimg as li
from lazyimg.write.record import Placed, Record
from lazyimg.write.result import TargetResult

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Pushing


@pytest.fixture
def result(base: Pushing, app: Pushing) -> li.Result:
    """Give the result of a write in which something was uploaded and something mounted."""
    base.image("1")
    image = li.Image.from_registry(f"{base.host}/base:1").append(li.Layer.from_files({"/a": b"a"}))
    return image.write(f"{app.host}/app:1", tags=["2"])


def test_every_blob_is_told_once(result: li.Result, app: Pushing) -> None:
    """What was sent and what was not: together they are the image."""
    manifest = app.json("1")
    layers = [one["digest"] for one in manifest["layers"]]
    assert {one.digest for one in result.mounted} == set(layers[:2])
    uploaded = [one.digest for one in result.uploaded]
    assert sorted(uploaded) == sorted([layers[2], manifest["config"]["digest"], result.digest])
    assert result.existing == ()


def test_bytes_are_those_that_went_over_the_wire(result: li.Result, registry: li.Registry) -> None:
    """Of bodies, as the registry counted them; and those that were read of this machine."""
    sent = sum(request.bytes_in for request in registry.requests if "/v2/app/" in request.path)
    assert result.bytes_sent == sent
    [target] = result.targets
    bodies = ["layer", "config", "manifest as 1", "manifest as 2"]
    assert (target.bytes_sent, target.attempts) == (sent, len(bodies))
    assert (result.opened, result.bytes_read) == (1, 2048)


def test_what_targets_share_counts_once(app: Pushing, registry: li.Registry, tmp_path: Path) -> None:
    """Two tags of one repository are one session; a layout beside it is another."""
    image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}))
    registry.clear()
    result = image.write(f"{app.host}/app:1", f"{app.host}/app:2", li.OCILayout(tmp_path / "out"))
    sent = sum(request.bytes_in for request in registry.requests)
    written = sum(file.stat().st_size for file in (tmp_path / "out/blobs/sha256").iterdir())
    assert result.bytes_sent == sent + written
    assert len(result.uploaded) == 2 * len(["layer", "config", "manifest"])


def test_it_names_the_image(result: li.Result, app: Pushing) -> None:
    """By digest, and as a reference that does not move."""
    assert result.digest == result.descriptor.digest
    assert result.reference == f"{app.host}/app:1@{result.digest}"
    assert li.Image.from_registry(result.reference).digest() == result.digest
    assert result.targets[0].tags == ("1", "2")


def test_its_text_and_its_card(result: li.Result, app: Pushing) -> None:
    """A table, with a line for each target."""
    text = str(result)
    assert text.splitlines()[0] == f"written: {result.digest}"
    assert f"{app.host}/app:1" in text
    assert "2,048 bytes of 1 local source were read" in text
    assert "<table" in result._repr_html_()


def test_a_reference_is_pinned_once(app: Pushing) -> None:
    """A digest in the target is not said twice."""
    image = li.Image.empty()
    written = image.write(f"{app.host}/app:1@{image.digest()}")
    assert written.reference == f"{app.host}/app:1@{image.digest()}"


class TestRecord:
    """The tallies of one session."""

    BLOB = li.Descriptor(media_type="application/x", digest=li.Digest.of(b""), size=0)

    def test_a_summary_is_one_line(self) -> None:
        """In the order of how much work it was; what was sent twice is in place once."""
        record = Record()
        assert record.summary() == "nothing in place"
        other = self.BLOB.replace(digest=li.Digest.of(b"other"))
        record.add(Placed("uploaded", other))
        for how in ("skipped", "existing", "mounted", "uploaded", "uploaded"):
            record.add(Placed(how, self.BLOB))  # type: ignore[arg-type]  # the literals of How
        assert record.summary() == "2 uploaded, 1 mounted, 1 already there, 1 left at their URLs"

    def test_only_tags_that_moved_are_told_as_moved(self, tmp_path: Path) -> None:
        """A tag of another target of the same session is not this one's."""
        record = Record(tags={"v1": "moved", "v2": "unknown", "v3": "moved"})
        record.add(Placed("uploaded", self.BLOB, bytes_sent=3, attempts=2))
        target = li.OCILayout(tmp_path, tag=("v1", "v2", "v4"))
        found = TargetResult.of(target, record)
        assert (found.tags, found.bytes_sent, found.attempts) == (("v1",), 3, 2)
