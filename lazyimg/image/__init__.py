"""What a user composes: images and layers, one small file a source or a mutation.

Everything here is a thunk: making one touches nothing. A mutation is a frozen class with its parameters and
a pure function from state to state (`image.mutation`); adding one means adding a file, and nothing else.

- `image`, `layer`: the public faces, whose methods compose and force.
- `from_registry`, `empty`: sources of images. `local_layer`: sources of layers.
- `append`, `configure`, `edit_config`, `annotate`, `created`, `subject`: mutations.
"""
