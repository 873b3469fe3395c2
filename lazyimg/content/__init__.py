"""Layer bytes: where they come from, and the one pass in which they are read, hashed and compressed.

The idea: a *source* describes bytes without touching them; a *pass* opens it once, reads each byte once
and yields the compressed blob, knowing at the end what the layer's identity is; a *feed* hands one pass to
several sinks at once, each of which may stop and ask again from any offset. Layers may be made of others:
`tar_reader` reads tars, `merge` applies them to each other, `derived` are sources made of them.

Rules:

- Constructing anything here touches no disk. Opening happens in `open`, reading in a pass.
- Local files are opened and read in `lazyimg.content.local` alone.
- Same content, same blob: whatever the reads return, however many threads run, however busy the machine.
- Memory is bounded by blocks of `lazyimg.content.block.BLOCK` bytes, never by the size of a layer.
- Waits last at most a tenth of a second before ``check()`` is asked whether to go on.
"""
