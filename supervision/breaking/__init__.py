"""The circuit breaker: states as types, a machine that is told the time, and a thread-safe shell around it."""
