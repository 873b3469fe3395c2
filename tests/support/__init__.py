"""What tests of several packages share: real registries, proxies in front of them, and a guard.

Import from here as ``from support.front import Front``; the fixtures built on it are in
``tests/conftest.py``.
"""
