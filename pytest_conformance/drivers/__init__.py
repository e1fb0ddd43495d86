"""Drivers: instruments over VISA, serial, USB and the network; display, cameras, capture."""
