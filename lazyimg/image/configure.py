"""Configure an image: set, or remove, fields of its config. What is not named is kept."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from attrs import field, frozen

from lazyimg.errors import InvalidDocument, InvalidMutation
from lazyimg.image.keep import KEEP
from lazyimg.image.mutation import ConfigMutation
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.frozen import FrozenDict

Setter = Callable[[ConfigFile, Any], ConfigFile]


def _merged(remove: str, change: str) -> Setter:
    """A setter for a mapping: None removes it all, a mapping changes its own names alone."""

    def set_it(config: ConfigFile, value: Mapping[str, str | None] | None) -> ConfigFile:
        changed: ConfigFile = getattr(config, remove if value is None else change)(value)
        return changed

    return set_it


def _setter(name: str) -> Setter:
    def set_it(config: ConfigFile, value: Any) -> ConfigFile:
        changed: ConfigFile = getattr(config, f"with_{name}")(value)
        return changed

    return set_it


SETTERS: Final[Mapping[str, Setter]] = {
    "architecture": _setter("architecture"),
    "os": _setter("os"),
    "variant": _setter("variant"),
    "created": _setter("created"),
    "author": _setter("author"),
    "env": _merged("with_env", "with_env_changes"),
    "entrypoint": _setter("entrypoint"),
    "cmd": _setter("cmd"),
    "user": _setter("user"),
    "workdir": _setter("working_dir"),
    "labels": _merged("with_labels", "with_labels_changes"),
    "exposed_ports": _setter("exposed_ports"),
    "volumes": _setter("volumes"),
    "stop_signal": _setter("stop_signal"),
    "healthcheck": _setter("healthcheck"),
}
"""What each parameter of `lazyimg.Image.configure` does to a config."""

_NEEDED = ("os", "architecture")
_MAPPINGS = ("env", "labels", "healthcheck")


def _given(changes: Mapping[str, Any]) -> FrozenDict[str, Any]:
    """Drop what is kept, and freeze the rest.

    Raises:
        InvalidMutation: a value is not of its field's kind, or a field that no config may be without was to
            be removed.
    """
    for name in _NEEDED:
        if changes.get(name, KEEP) is None:
            raise InvalidMutation(
                f"{name}=None would remove what every config has (image-spec config.md): give another value"
            )
    given = {name: _frozen(value) for name, value in changes.items() if value is not KEEP}
    for name, value in given.items():
        _check(name, value)
    return FrozenDict(given)


def _check(name: str, value: Any) -> None:
    """Try a change on a config of no image, so that what cannot work is said where it was written."""
    if name in _MAPPINGS and not isinstance(value, Mapping | None):
        raise InvalidMutation(
            f"configure({name}=...) takes a mapping, such as {{'name': 'value'}}, and was given a "
            f"{type(value).__name__}"
        )
    try:
        SETTERS[name](ConfigFile.new(architecture="amd64"), value)
    except InvalidDocument as error:
        raise InvalidMutation(f"configure({name}=...) cannot be: {error}") from None


def _frozen(value: Any) -> Any:
    """A value that nobody changes behind our back; a set in one order, whatever the hash seed."""
    if isinstance(value, Mapping):
        return FrozenDict({name: _frozen(item) for name, item in value.items()})
    if isinstance(value, AbstractSet):
        return tuple(sorted(value))
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return tuple(_frozen(item) for item in value)
    return value


@frozen
class Configure(ConfigMutation):
    """Set fields of the config, and remove those whose value is None."""

    changes: Mapping[str, Any] = field(converter=_given)

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Apply the changes, in the order they were given."""
        for name, value in self.changes.items():
            config = SETTERS[name](config, value)
        return config
