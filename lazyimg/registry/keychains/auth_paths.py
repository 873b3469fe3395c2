"""Where the files of credentials are, as the environment says at the time of asking."""

import os
from pathlib import Path


def docker_path() -> Path:
    """Return the file that Docker's tools keep: in ``$DOCKER_CONFIG``, or else in ``~/.docker``."""
    directory = os.environ.get("DOCKER_CONFIG")
    return (Path(directory) if directory else Path.home() / ".docker") / "config.json"


def podman_paths() -> list[Path]:
    """Return the files that podman's tools read, in order: ``$REGISTRY_AUTH_FILE`` alone if it is set."""
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        return [Path(named)]
    runtime, config = os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("XDG_CONFIG_HOME")
    directories = [Path(runtime)] if runtime else []
    directories.append(Path(config) if config else Path.home() / ".config")
    return [directory / "containers" / "auth.json" for directory in directories]


def login_path() -> Path:
    """Return the file that a login is written to: ``$REGISTRY_AUTH_FILE`` if it is set, else Docker's."""
    named = os.environ.get("REGISTRY_AUTH_FILE")
    return Path(named) if named else docker_path()
