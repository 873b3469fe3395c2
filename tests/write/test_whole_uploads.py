"""A registry that takes no PATCH gets each blob from scratch space: its source is read once."""

import io

from support.bodies import some_bytes

import lazyimg as li
from lazyimg.server.errors import ApiError
from lazyimg.server.request import Request

SIZE = 40 << 20


class Source:
    """A tar that does not compress, opened as often as it is asked, and counted."""

    def __init__(self, number: int) -> None:
        self.opened = 0
        self._number = number

    def open(self) -> io.BytesIO:
        self.opened += 1
        return io.BytesIO(some_bytes(SIZE, seed=self._number))


def refuse_streams(request: Request) -> None:
    if request.method == "PATCH":
        raise ApiError(405, "UNSUPPORTED", "no streams here")


def test_a_registry_that_is_known_to_take_no_streams_reads_each_source_once() -> None:
    """The first upload finds it out, and reads again; all others keep the blob, and read once."""
    sources = [Source(number) for number in range(3)]
    layers = [li.Layer.from_opener(source.open) for source in sources]
    with li.Registry() as registry, li.Engine(jobs=1):
        registry.hook = refuse_streams
        result = li.Image.empty().append(*layers).write(f"{registry.host}/app:1")
        assert len(result.uploaded) == 5
        patches = [request for request in registry.requests if request.method == "PATCH"]
    assert len(patches) == 1
    assert sorted(source.opened for source in sources)[:2] == [1, 1]
