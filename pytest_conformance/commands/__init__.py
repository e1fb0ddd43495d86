"""The commands of `conformance`, one module each: `add_arguments(parser)` and `run(arguments) -> exit code`.

Importing a command loads nothing heavy; what it needs is imported when it runs.
"""

OK = 0
FAILED = 1
"""Something was found: a record that does not verify, a FAIL, a known-bad device that was not caught."""
UNDECIDED = 10
"""Something could not be reached, done or concluded."""
REFUSED = 11
"""An option or a file is wrong."""
