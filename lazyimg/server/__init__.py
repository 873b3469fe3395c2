"""An OCI registry that runs inside the process: what users test their builders against.

The idea: a registry is a few rules over two kinds of stored things, large *contents* (blobs, streamed
in bounded memory) and small *records* (links, manifests, tags, referrers). Both live behind one small
interface (`store`), kept in memory or in a directory; everything else is written once, above it.

The rules of this package:

- The path of a request is the file list: `registry` is what a user starts, `serving` the thread that
  listens, by `tls` if asked to; `gate` records each request, lets a hook hold it back, and asks `access`
  who may pass (`tokens` and `scopes` for those who show a token); `exchange` counts the bytes as they
  pass, and lets `faults` do their `actions` to them and to the `connection`; `routes` finds the one of
  `endpoints` that reads the request, by the `place` that its path names, and words the answer; `uploads`,
  `manifest`, `manifests`, `repository` hold the distribution-spec's rules and read no HTTP; `store` is
  the interface of `memory` and `disk`.
- What was sent is told by each `request`, and by `traffic` in sum. `pytest_plugin` is found by pytest, and
  imports nothing of all this until a test asks for it.
- What touches a disk or hashes much runs in a worker thread, never on the event loop.
- A refusal is an `errors.ApiError`, turned into the specification's JSON in one place.
- It imports `lazyimg.oci` and `lazyimg.errors`, nothing else of lazyimg, and logs nothing unless asked.
"""
