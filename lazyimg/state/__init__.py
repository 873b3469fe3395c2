"""What an image comes to before it is sealed, and how it is sealed.

A *state* is what the evaluation of an image thunk gives: documents that are known (the manifest's fields),
and thunks for what nobody may need (the config, the layers' bytes). Mutations are pure functions from
state to state. *Sealing* turns a state into bytes: first the config, then the manifest that names it. It
is the only place where digests enter a document.

- `contents`: what a layer comes to: local bytes to be read, or a blob that some registry has.
- `layer_tar`, `reading`: what is in a layer, for layers that are made of it; read once for all of them.
- `image_state`: `ImageState`, and the layers in it.
- `config`: the config as a thunk: fetched, known, or edited.
- `seal`: documents into bytes and descriptors.
"""
