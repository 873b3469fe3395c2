"""One HTTP exchange: sockets with deadlines, TLS, proxies, HTTP/1.1 and HTTP/2.

From the wire upwards: `network` opens, reads and writes sockets, dials only what `address` allows, and waits
for nothing without a limit; `early` sees a refusal that comes before a request was sent whole; `pools` keep
the connections, and `negotiation` finds out whether they are `http2`, which all threads share; `wire` carries
one exchange over them within its `timeouts`, and is the only place where errors of the HTTP library become
ours, in the words of `breaks`.

All that is known here of registries is what they say in headers (`notices`), and nothing of who is logged in.
"""
