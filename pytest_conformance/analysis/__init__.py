"""Pure analysis: biometrics, decision times, traffic, pictures, policy text. No pytest, no devices, no clock."""
