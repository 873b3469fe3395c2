"""HTTP in, HTTP out: one module for each kind of thing the specification gives an address.

Endpoints read parameters, headers and bodies, call the rules, and word the answers. They decide nothing.
"""
