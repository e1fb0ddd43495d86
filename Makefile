# Two commands: `make bench` runs the main job, `make test` passes the tests. Each does its own set-up.
.PHONY: bench test faults lint setup interception wheel wheel-test clean

bench: setup
	@tools/bench.sh

test: export TESTS = 1
test: setup lint
	@.venv/bin/python -m pytest -q -n 2

faults: setup # every fault test, the long ones and five hundred kills too
	@FAULTS=1 .venv/bin/python -m pytest -q tests/faults

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

wheel: setup
	@.venv/bin/python -m build --wheel

wheel-test: setup
	@WHEEL_TEST=1 .venv/bin/python -m pytest -q tests/system/test_wheel.py

setup:
	@tools/setup.sh

interception: setup
	@tools/interception.sh

clean:
	rm -rf .venv dist build runs .mypy_cache .ruff_cache .pytest_cache
