"""What holds for all tests: no time limit on single examples, for the machine may be busy."""

from hypothesis import settings

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")
