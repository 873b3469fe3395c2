"""A write as a graph: sessions first, then documents, then bytes, then tags.

- `target`: what a target and its session are; the thunk that opens one.
- `registry_target`, `layout_target`, `archive_target`, `daemon_target`: the targets. `condition`: when their
  tags may move.
- `session`: what is the same in all sessions that look for blobs and put them. `spooled`: in those whose
  blobs rest until all are there.
- `expand`: the first stage: images are evaluated to states, and the second stage is worked out from them.
- `consume`: one thunk a distinct layer or blob, with everything it has to reach.
- `sharing`: which layers are read more than once.
- `publish`: configs, manifests, tags.
- `record`, `result`: what was sent, mounted and found in place.
- `composing`: from images and targets to the graph, sessions before all that starts from nothing.
- `writing`: forcing it, and what a failed write says.
- `plan`: the same graph before it is forced.
- `asking`: digests, sizes and documents of what is not written.
"""
