"""What each request to one registry is sent with.

A `challenge` says what a registry wants; a `token` is asked for, for a `scope`; the `authorizer` knows which
is good for which request, and gets the next before it ends. `advice` is what to do about a refusal.
"""
