"""What a notebook shows of an image or a layer: its graph, what is known and what is pending."""

from lazyimg.image.layer import Layer
from lazyimg.notebook.thunk import thunk_html
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.streams import one_shots


def image_html(image: Thunk[ImageState]) -> str:
    """The card of an image. Forces nothing: digests are of what was forced, and nothing was."""
    return thunk_html(image, {"digest": "", "size": ""})


def layer_html(layer: Layer) -> str:
    """The card of a layer. A stream that was consumed is known; what can be read again is not asked."""
    cells = [stream.identities.cell(layer.key) for stream in one_shots([layer])]
    known = [cell.get() for cell in cells if cell.state == "known"]
    if not known:
        return thunk_html(layer, {"digest": "", "size": "", "diff_id": ""})
    found = known[0]
    return thunk_html(
        layer, {"digest": found.digest, "size": f"{found.size} bytes", "diff_id": found.diff_id}
    )
