"""An OCI registry that runs inside the process: what users test their builders against.

The idea: a registry is a few rules over two kinds of stored things, large *contents* (blobs, streamed
in bounded memory) and small *records* (links, manifests, tags, referrers). Both live behind one small
interface (`store`), kept in memory or in a directory; everything else is written once, above it.

The rules of this package:

- The path of a request is the file list: `registry` (lifecycle) owns a server thread that runs `app`;
  `gate` records each request, lets a hook hold it back, and asks who may pass; `routes` reads HTTP and
  answers it; `uploads`, `manifests`, `repository` hold the distribution-spec's rules and know no HTTP.
- What touches a disk or hashes much runs in a worker thread, never on the event loop.
- A refusal is an `errors.ApiError`, turned into the specification's JSON in one place.
- It imports `lazyimg.oci` and `lazyimg.errors`, nothing else of lazyimg, and logs nothing unless asked.
"""
