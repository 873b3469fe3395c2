"""How a container of an image is run: the ``config`` object within a config file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import attrs

from lazyimg.oci import fields
from lazyimg.oci.document import Document, placed
from lazyimg.oci.environment import changed_environment, environment
from lazyimg.oci.frozen import frozen_texts
from lazyimg.oci.json_value import Json, jsonable, merged, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lazyimg.oci.frozen import FrozenDict

_ORDER: Final = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "Shell",
)


@attrs.frozen(eq=False, repr=False)
class Container(Document):
    """The part of a config file that says how to run (image-spec config.md, "config").

    A property is None, or empty, where the config does not name it. Each ``with_`` method sets a field, and
    removes it for None; to keep it, do not call the method.
    """

    WHAT: ClassVar[str] = "config"

    @property
    def env(self) -> tuple[str, ...]:
        """The environment as ``NAME=value``, as it is written."""
        return fields.texts(self._setting("Env"), "config.Env")

    @property
    def environment(self) -> dict[str, str]:
        """The environment by name; of a name that appears twice the last one counts."""
        return environment(self.env)

    @property
    def entrypoint(self) -> tuple[str, ...] | None:
        """The command that ``cmd`` is appended to."""
        return self._optional_texts("Entrypoint")

    @property
    def cmd(self) -> tuple[str, ...] | None:
        """The arguments to the entrypoint, or the command if there is none."""
        return self._optional_texts("Cmd")

    @property
    def user(self) -> str | None:
        """Who runs it: ``user``, ``uid``, ``user:group``, ``uid:gid``."""
        return self._optional_text("User")

    @property
    def working_dir(self) -> str | None:
        """The directory it starts in."""
        return self._optional_text("WorkingDir")

    @property
    def labels(self) -> FrozenDict[str, str]:
        """The labels by name."""
        return fields.text_map(self._setting("Labels"), "config.Labels")

    @property
    def exposed_ports(self) -> tuple[str, ...]:
        """The ports it listens on: ``80``, ``80/tcp``, ``53/udp``."""
        return tuple(map(str.__str__, fields.members(self._setting("ExposedPorts"), "config.ExposedPorts")))

    @property
    def volumes(self) -> tuple[str, ...]:
        """The directories that hold data of one container."""
        return tuple(map(str.__str__, fields.members(self._setting("Volumes"), "config.Volumes")))

    @property
    def stop_signal(self) -> str | None:
        """The signal that stops it: ``SIGTERM``, ``SIGRTMIN+3``."""
        return self._optional_text("StopSignal")

    @property
    def healthcheck(self) -> dict[str, Any] | None:
        """Docker's health check, a copy: ``Test``, and ``Interval``, ``Timeout`` in nanoseconds."""
        value = self._setting("Healthcheck")
        copy: Any = jsonable(fields.members(value, "config.Healthcheck"))
        return None if value is None else copy

    def with_env(self, env: Iterable[str] | None) -> Self:
        """Return it with exactly this environment, each entry ``NAME=value``."""
        wanted = None if env is None else frozen_texts(env)
        return self if wanted == () == self.env else self.with_container("Env", wanted)

    def with_env_changes(self, changes: Mapping[str, str | None]) -> Self:
        """Return it with these variables set, or removed where the value is None.

        Others keep their place and their text. Of a name that appears twice the last one counts, and once it
        is changed it is the only one.

        Raises:
            InvalidDocument: a name is empty or holds ``=``; a name or value holds a NUL.
        """
        old = fields.items(self._setting("Env"), "config.Env")
        fields.texts(old, "config.Env")
        new = changed_environment(old, changes)  # type: ignore[arg-type]  # texts were checked for above
        return self if new == old else self._put_setting("Env", [*new])

    def with_entrypoint(self, entrypoint: Iterable[str] | None) -> Self:
        """Return it with this entrypoint; ``cmd`` stays as it is."""
        return self._with_texts("Entrypoint", entrypoint)

    def with_cmd(self, cmd: Iterable[str] | None) -> Self:
        """Return it with these arguments."""
        return self._with_texts("Cmd", cmd)

    def with_user(self, user: str | None) -> Self:
        """Return it run by this user."""
        return self._with_text("User", user)

    def with_working_dir(self, directory: str | None) -> Self:
        """Return it starting in this directory."""
        return self._with_text("WorkingDir", directory)

    def with_labels(self, labels: Mapping[str, str] | None) -> Self:
        """Return it with exactly these labels."""
        wanted = None if labels is None else _text_map(labels)
        return self if wanted == {} == self.labels else self.with_container("Labels", wanted)

    def with_labels_changes(self, changes: Mapping[str, str | None]) -> Self:
        """Return it with these labels set, or removed where the value is None."""
        old = fields.members(self._setting("Labels"), "config.Labels")
        wanted = {name: value for name, value in changes.items() if value is not None}
        moved = {key: value for key, value in _text_map(wanted).items() if old.get(key) != value}
        gone = [name for name, value in changes.items() if value is None and name in old]
        if not moved and not gone:
            return self
        new: dict[str, Json] = {**old, **moved}
        for name in gone:
            del new[name]
        return self._put_setting("Labels", new)

    def with_exposed_ports(self, ports: Iterable[str] | None) -> Self:
        """Return it with exactly these ports; new ones come last, sorted."""
        return self._with_set("ExposedPorts", ports)

    def with_volumes(self, volumes: Iterable[str] | None) -> Self:
        """Return it with exactly these volumes; new ones come last, sorted."""
        return self._with_set("Volumes", volumes)

    def with_stop_signal(self, signal: str | None) -> Self:
        """Return it stopped by this signal."""
        return self._with_text("StopSignal", signal)

    def with_healthcheck(self, healthcheck: Mapping[str, Any] | None) -> Self:
        """Return it with Docker's health check."""
        return self.with_container("Healthcheck", healthcheck)

    def with_container(self, key: str, value: Any) -> Self:
        """Return it with any member of the ``config`` object set, or removed for None.

        Raises:
            InvalidDocument: ``value`` holds what JSON cannot.
        """
        old = self._settings().get(key)
        if value is None:
            return self if old is None else self._put_setting(key, None)
        new = merged(old, jsonable(value))
        return self if same(old, new) else self._put_setting(key, new)

    def _settings(self) -> Mapping[str, Json]:
        return fields.members(self._members.get("config"), "config.config")

    def _setting(self, key: str) -> Json:
        return self._settings().get(key)

    def _put_setting(self, key: str, value: Json) -> Self:
        settings = self._settings()
        if value is None:
            return self._put("config", {name: item for name, item in settings.items() if name != key})
        return self._put("config", placed(settings, key, value, _ORDER))

    def _optional_text(self, key: str) -> str | None:
        value = self._setting(key)
        return None if value is None else fields.text(value, f"config.{key}")

    def _optional_texts(self, key: str) -> tuple[str, ...] | None:
        value = self._setting(key)
        return None if value is None else fields.texts(value, f"config.{key}")

    def _with_text(self, key: str, value: str | None) -> Self:
        return self.with_container(key, None if value is None else fields.text(value, key))

    def _with_texts(self, key: str, values: Iterable[str] | None) -> Self:
        return self.with_container(key, None if values is None else frozen_texts(values))

    def _with_set(self, key: str, names: Iterable[str] | None) -> Self:
        if names is None:
            return self.with_container(key, None)
        wanted = set(frozen_texts(names))
        old = fields.members(self._setting(key), f"config.{key}")
        if not wanted and not old:
            return self
        kept: dict[str, Any] = {name: item for name, item in old.items() if name in wanted}
        return self.with_container(key, {**kept, **{name: {} for name in sorted(wanted - set(kept))}})


def _text_map(values: Mapping[str, str]) -> dict[str, str]:
    return dict(fields.text_map(jsonable(values), "labels"))
