"""The OCI standard as values.

What the image-spec and the distribution-spec name is a value here: digest, reference, platform,
descriptor, manifest, index, config. The package does no I/O and knows no registry. Its rules:

- A value cannot be changed. Each edit returns a new one; an edit to an equal value returns the same.
- Nothing is lost. A document that no edit touched keeps its bytes. In one that was edited, everything
  else keeps its place, and every unknown field, number and text keeps the letters it was written with.
- Parsers are total: any input gives a value or a `LazyImgError` that says where it is wrong.
- Keep, set and remove are three things: not naming a field keeps it, ``None`` removes it.

Import the modules, such as ``lazyimg.oci.digest``; this one loads none of them.
"""
