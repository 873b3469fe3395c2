"""What a person sees: thunks, graphs and tables drawn as HTML, SVG and text.

The rules:

- **Nothing is forced.** A drawing reads the fields of thunks, their keys and their origins, and no more.
- **Nothing is trusted.** Every text goes through `text`: what could end a tag, move a terminal's cursor or
  turn the direction of writing is shown, never obeyed.
- **Nothing grows without end.** A drawing of ten thousand thunks is as large as one of sixty; the rest is a
  node that says how many it stands for.
- **Nothing comes from outside.** No script, no font, no picture, no identifier that could meet another
  drawing's on the same page. Colours are middle tones over the page's own, so light and dark both read.

One module a step: `words` says what a thunk is, `view` picks what of a graph is drawn, `layout` gives it
places, `svg`, `lanes` and `dot` write it down; `graph`, `thunk` and `table` are what the packages above use.
"""
