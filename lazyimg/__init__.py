"""Mutate container images lazily."""

__version__ = "0.1.0"
