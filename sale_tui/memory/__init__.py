"""The auction memory: a durable log of events, typed rows beside it, and recall by meaning."""
