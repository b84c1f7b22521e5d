"""What the load programs share: what the kernel tells, figures, goals, reports, real nodes, a swarm, and the
scenarios.

tests/load/run is the command; docs/load.md says how to read what it prints.
"""
