"""Many clients on one thing, over real HTTP: the last seat, the last capacity, one line, one idempotency key.

The suite runs a short profile; `make concurrency` runs 50 clients and 200 rounds of each race and prints a table.
"""
