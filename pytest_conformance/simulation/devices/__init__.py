"""Simulated devices: a base that boots, remembers and talks on its test port, and the behaviours of each kind."""
