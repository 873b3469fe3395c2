"""Lazy graphs: the idea of this project, with nothing of images in it.

A **thunk** is a frozen description of work: an operation, its parameters, and the thunks it takes as
inputs. Making one does nothing. Thunks that hold each other form a directed acyclic **graph**, and a
**scheduler** forces it: every thunk at most once, inputs first, whatever is independent side by side.

The rules, one module each:

- `thunk`: what a thunk is. Two thunks with equal operation, parameters and inputs have one `key`, and are
  equal. An evaluation gets its inputs from the run; it may return another thunk to take its place.
- `key`: how a key is computed, without recursion and the same in every process.
- `origin`: where in the user's code a thunk was composed, so that an error can say it.
- `graph`: the thunks reachable from some roots as a ``networkx.DiGraph``. Edges run from input to
  dependent; *order* edges say only "after", carry no value and are no part of a key.
- `scheduler`: the calling thread owns the loop; pure thunks are evaluated there, effectful ones by daemon
  workers. A thunk is handed to a worker only when all it needs is known, so waiting holds no worker.
- `substitute`: the same recipe over something else.
- `run`: what an evaluation sees of the run it is part of.
- `brief`: any value in one line of bounded length.
- `once`: a value that is set once and waited for by many.
- `pickling`: a graph of any depth to and from a flat list.
- `events`: what a run tells while it goes on.
"""
