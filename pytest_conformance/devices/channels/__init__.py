"""The ways to a device beside the instruments: console, companion app, Bluetooth LE, local network."""
