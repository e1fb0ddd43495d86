"""Devices under test: what a procedure may ask of each kind (roles.py), and the reference drivers behind it.

The links to a device (test port, companion app, Bluetooth LE, local network) live in `channels`.
"""
