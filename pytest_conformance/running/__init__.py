"""The pytest session of a bench run: options, selection of suites, judging of tests, plan and exit code.

Loaded only when a run was asked for (`--bench`, `--replay`, `--resume`).
"""
