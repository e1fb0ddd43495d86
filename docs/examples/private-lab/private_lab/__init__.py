"""A laboratory's own parts, joined to pytest-conformance by entry points alone."""
