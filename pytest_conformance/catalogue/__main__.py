"""`python -m pytest_conformance.catalogue`: compile the shipped YAML after a change to it."""

from pytest_conformance.catalogue.source import write_compiled

if __name__ == "__main__":
    print(write_compiled())
