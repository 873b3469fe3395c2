"""Keychains: where credentials come from, and where a login is kept.

`credentials` are what a `keychain` gives. Those of Docker and podman read an `auth_file` (`auth_paths` says
where) and ask a `credential_helper`; a login goes into one through an `auth_store`, which edits its text
(`json_edit`) in a `locked_file`. `clouds` are the keychains of who gives credentials for a while.

No HTTP library is loaded here, but by a cloud that is asked.
"""
