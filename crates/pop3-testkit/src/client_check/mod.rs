//! What a fetcher does when things go wrong: one scenario after the other against a server with that fault.
