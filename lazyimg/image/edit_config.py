"""Edit a config with a function of one's own: the way out."""

from collections.abc import Callable

from attrs import field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.mutation import ConfigMutation
from lazyimg.oci.config import ConfigFile
from lazyimg.thunk.key import Opaque

Edit = Callable[[ConfigFile], ConfigFile]


def _opaque(value: Edit | Opaque[Edit]) -> Opaque[Edit]:
    return value if isinstance(value, Opaque) else Opaque(value)


@frozen
class EditConfig(ConfigMutation):
    """Replace the config by what a function makes of it."""

    function: Opaque[Edit] = field(converter=_opaque)

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Call the function.

        Raises:
            InvalidMutation: it gave no config.
        """
        edited = self.function.value(config)
        if not isinstance(edited, ConfigFile):
            raise InvalidMutation(
                f"{self.function!r} was to return the changed ConfigFile, and returned a "
                f"{type(edited).__qualname__}: configs are values, so return what config.with_...() gives"
            )
        return edited
