"""Mutate container images lazily.

Every mutation returns a thunk: a frozen node of a dependency graph. Nothing is opened, read or sent while
composing. Writing forces the graph, and the session with the registry is the first effect.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lazyimg.version import __version__ as __version__

if TYPE_CHECKING:
    from lazyimg import errors, registry
    from lazyimg.content.compression import Gzip, Uncompressed, Zstd
    from lazyimg.content.limits import Limits
    from lazyimg.content.source import Source
    from lazyimg.engine import Engine, current_engine
    from lazyimg.errors import LazyImgError
    from lazyimg.image.image import Image
    from lazyimg.image.image_source import ImageSource
    from lazyimg.image.index import Index
    from lazyimg.image.layer import Layer
    from lazyimg.image.mutation import Mutation
    from lazyimg.image.sizes import sizes
    from lazyimg.logins import login, logout
    from lazyimg.oci.config import ConfigFile
    from lazyimg.oci.descriptor import Descriptor
    from lazyimg.oci.digest import Digest
    from lazyimg.oci.history import History
    from lazyimg.oci.manifest import Manifest
    from lazyimg.oci.platform import Platform
    from lazyimg.oci.reference import Reference
    from lazyimg.registry.host import Host
    from lazyimg.registry.keychains.clouds.azure import AzureKeychain
    from lazyimg.registry.keychains.clouds.ecr import ECRKeychain
    from lazyimg.registry.keychains.clouds.github import GitHubKeychain
    from lazyimg.registry.keychains.clouds.google import GoogleKeychain
    from lazyimg.registry.keychains.clouds.kubernetes import KubernetesKeychain
    from lazyimg.registry.keychains.keychain import DefaultKeychain, DockerKeychain, Keychains, StaticKeychain
    from lazyimg.server.registry import Registry
    from lazyimg.write.archive_target import Archive
    from lazyimg.write.daemon_target import Daemon
    from lazyimg.write.layout_target import OCILayout
    from lazyimg.write.plan import Plan
    from lazyimg.write.registry_target import RegistryTarget
    from lazyimg.write.result import Result
    from lazyimg.write.session import Session
    from lazyimg.write.target import Site, Target
    from lazyimg.write.writing import write

_HOMES = {
    "Archive": "write.archive_target",
    "AzureKeychain": "registry.keychains.clouds.azure",
    "ConfigFile": "oci.config",
    "Daemon": "write.daemon_target",
    "DefaultKeychain": "registry.keychains.keychain",
    "Descriptor": "oci.descriptor",
    "Digest": "oci.digest",
    "DockerKeychain": "registry.keychains.keychain",
    "ECRKeychain": "registry.keychains.clouds.ecr",
    "Engine": "engine",
    "GitHubKeychain": "registry.keychains.clouds.github",
    "GoogleKeychain": "registry.keychains.clouds.google",
    "Gzip": "content.compression",
    "History": "oci.history",
    "Host": "registry.host",
    "Image": "image.image",
    "ImageSource": "image.image_source",
    "Index": "image.index",
    "Keychains": "registry.keychains.keychain",
    "KubernetesKeychain": "registry.keychains.clouds.kubernetes",
    "Layer": "image.layer",
    "LazyImgError": "errors",
    "Limits": "content.limits",
    "Manifest": "oci.manifest",
    "Mutation": "image.mutation",
    "OCILayout": "write.layout_target",
    "Plan": "write.plan",
    "Platform": "oci.platform",
    "Reference": "oci.reference",
    "Registry": "server.registry",
    "RegistryTarget": "write.registry_target",
    "Result": "write.result",
    "Session": "write.session",
    "Site": "write.target",
    "Source": "content.source",
    "StaticKeychain": "registry.keychains.keychain",
    "Target": "write.target",
    "Uncompressed": "content.compression",
    "Zstd": "content.compression",
    "current_engine": "engine",
    "login": "logins",
    "logout": "logins",
    "sizes": "image.sizes",
    "write": "write.writing",
}

__all__ = [
    "Archive",
    "AzureKeychain",
    "ConfigFile",
    "Daemon",
    "DefaultKeychain",
    "Descriptor",
    "Digest",
    "DockerKeychain",
    "ECRKeychain",
    "Engine",
    "GitHubKeychain",
    "GoogleKeychain",
    "Gzip",
    "History",
    "Host",
    "Image",
    "ImageSource",
    "Index",
    "Keychains",
    "KubernetesKeychain",
    "Layer",
    "LazyImgError",
    "Limits",
    "Manifest",
    "Mutation",
    "OCILayout",
    "Plan",
    "Platform",
    "Reference",
    "Registry",
    "RegistryTarget",
    "Result",
    "Session",
    "Site",
    "Source",
    "StaticKeychain",
    "Target",
    "Uncompressed",
    "Zstd",
    "current_engine",
    "errors",
    "login",
    "logout",
    "registry",
    "sizes",
    "write",
]


_MODULES = ("errors", "registry")
_SERVER = frozenset({"bcrypt", "starlette", "uvicorn"})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"lazyimg.{name}")
    if name not in _HOMES:
        raise AttributeError(
            f"module 'lazyimg' has no attribute {name!r}", name=name, obj=sys.modules[__name__]
        )
    try:
        value = getattr(import_module(f"lazyimg.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _SERVER:
            raise
        raise import_module("lazyimg.errors").MissingExtra(
            f"lazyimg.{name} needs {missing}, which is not installed: pip install 'lazyimg[server]'"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, where a public name wins over the subpackage of the same name: ``write`` is both."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
