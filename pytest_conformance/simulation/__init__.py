"""Far ends for the mock bench: instruments, devices, companion app, cloud, and the ways devices go wrong.

Speaks the wire and imports no driver, device or judge, so that a driver meets an honest far end. Started as a
process of its own by `python -m pytest_conformance.simulation` or `conformance simulate`.
"""
