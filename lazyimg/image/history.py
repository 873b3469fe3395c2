"""History and layers agree: an entry for each layer, besides those of empty layers; or none at all."""

from collections.abc import Sequence

from lazyimg.errors import InvalidDocument
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.history import History


def tells(config: ConfigFile, layers: int, what: str) -> bool:
    """Whether a config's history tells of its layers; it need not (image-spec config.md, "history").

    Args:
        config: the config.
        layers: how many layers its manifest lists.
        what: whose config it is, for the error's words.

    Raises:
        InvalidDocument: it tells of another number of layers, so that which entry is whose is not known.
    """
    if not config.has_history:
        return False
    if config.layers_told != layers:
        raise InvalidDocument(
            f"the history of {what} tells of {config.layers_told} layers (entries without empty_layer), but "
            f"{layers} are listed: mend it, or drop it, with edit_config(lambda c: c.with_history(...))"
        )
    return True


def above(history: Sequence[History], layers: int) -> int:
    """Where the entries begin that come after those of the lowest ``layers`` layers."""
    made = 0
    for position, entry in enumerate(history):
        if made == layers:
            return position
        made += not entry.empty_layer
    return len(history)
