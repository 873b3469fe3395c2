"""Keychains of those who give credentials for a while: clouds, GitHub, a Kubernetes cluster.

The rules:

- each knows its own hosts, and is silent of all others: what it has goes nowhere else;
- making one does nothing; who gives the credentials is asked when one of its hosts asks who is there;
- what was given is used until shortly before it expires, and many threads ask for it once;
- the libraries of the clouds are extras, loaded on use, and none of their errors comes out: a failure is a
  `lazyimg.errors.CredentialError` that says what to do, and repeats of a service's words its code alone.
"""
