"""What a user composes: images and layers, one small file a source or a mutation.

Everything here is a thunk: making one touches nothing. A mutation is a frozen class with its parameters and
a pure function from state to state (`image.mutation`); adding one means adding a file, and nothing else.

- `image` (with `looking`), `index`, `layer`: the public faces, whose methods compose and force.
- `from_registry`, `empty`, ...: sources of images, `image_source` for one's own. `local_layer`: of layers.
- `append`, `configure`, `annotate`, `rebase`, ...: mutations of images, `mutation` their interface.
- `flatten`, `squash`, `times`, `canonical`, `recompress`: those that make new layers (`derived_layer`).
- `files`, `export`: what is in the layers. `validate`, `compare`, `sizes`, `index_find`: other looks.
- `with_base`, `pin`: a whole recipe, rebuilt.
- `index_add`, `index_map`, `index_remove`, ...: mutations of indexes, `index_mutation` their interface.
- `layer_choice`, `entry_choice`: which layers of an image, and which entries of an index, a user means.
"""
