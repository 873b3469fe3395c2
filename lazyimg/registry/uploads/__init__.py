"""Sending a blob of any size so that no fault on the way loses it.

An `upload` sends a body in one stream, in `chunks`, or whole; a `fault` is what may end an attempt in a way
that another may do better, and `progress` is how far it has come by then.
"""
