"""The history of an image some of whose layers were merged into one."""

from attrs import frozen

from lazyimg.errors import InvalidDocument
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.history import History


@frozen
class MergeHistory:
    """Let one entry stand for those of the layers that were merged; a history that is absent stays so.

    Attributes:
        kept: layers below those merged.
        layers: of the image before, all of them.
        created_by: the operation.
    """

    kept: int
    layers: int
    created_by: str

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Replace the entries.

        Raises:
            InvalidDocument: the history speaks of more or fewer layers than there are.
        """
        if not config.has_history:
            return config
        entries = config.history
        at = [number for number, entry in enumerate(entries) if not entry.empty_layer]
        if len(at) != self.layers:
            raise InvalidDocument(
                f"the image has {self.layers} layers but its history has entries for {len(at)}: which of "
                "them to merge is not known; correct it with edit_config, or remove it"
            )
        below = entries[: at[self.kept]] if self.kept else ()
        merged = self.layers - self.kept
        new = History(
            created=config.created,
            created_by=self.created_by,
            comment=f"{merged} layer{'' if merged == 1 else 's'} merged",
        )
        return config.with_history((*below, new))
