"""What the reference needs to know of our docstrings and classes; loaded when the pages are built."""

import inspect
import re
from importlib import import_module
from typing import Any

import attrs
import griffe

_DOCTEST = re.compile(r"(?P<code>^(?P<indent> *)>>> .*(?:\n(?P=indent)\S.*)*)", re.MULTILINE)
_KINDS = {kind: griffe.ParameterKind(kind.description) for kind in inspect._ParameterKind}  # noqa: SLF001 - an enum


class Docstrings(griffe.Extension):
    """Fences the doctests in docstrings, and gives attrs classes the signature that attrs gives them."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the doctests that are not in a section of their own, which is fenced already."""
        if obj.docstring is not None and "Example:" not in obj.docstring.value:
            obj.docstring.value = _DOCTEST.sub(_fenced, obj.docstring.value)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Give an attrs class the initialiser that it has when it is imported."""
        found = getattr(import_module(cls.module.path), cls.name, None)
        if isinstance(found, type) and attrs.has(found) and "__init__" not in cls.members:
            cls.set_member("__init__", _initialiser(cls, inspect.signature(found.__init__)))


def _fenced(doctest: re.Match[str]) -> str:
    indent, code = doctest["indent"], doctest["code"]
    return f"{indent}```pycon\n{code}\n{indent}```"


def _initialiser(cls: griffe.Class, signature: inspect.Signature) -> griffe.Function:
    parameters = griffe.Parameters(*(_parameter(one) for one in signature.parameters.values()))
    return griffe.Function("__init__", parameters=parameters, parent=cls)


def _parameter(one: inspect.Parameter) -> griffe.Parameter:
    has_default = one.default is not inspect.Parameter.empty
    return griffe.Parameter(
        one.name, kind=_KINDS[one.kind], default=_default(one.default) if has_default else None
    )


def _default(value: Any) -> str:
    """Write a default; one that is made anew each time has no text of its own."""
    return "..." if value is attrs.NOTHING or callable(value) else repr(value)
