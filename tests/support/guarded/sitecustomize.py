"""Loaded by every Python that tests start, before anything else of it: none of them leaves this machine."""

import loopback_guard

loopback_guard.install()
