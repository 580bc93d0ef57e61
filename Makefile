# The two commands a newcomer needs: `make demo` and `make test`. Both set up .venv first.
# Other Python: make demo PYTHON=python3.12    Part of the tests: make test ARGS="-k threshold"

VENV := .venv/bin
ARGS ?=

# without a screen, Linux draws into a virtual one
ifeq ($(shell uname -s),Linux)
ifeq ($(DISPLAY),)
SCREEN := xvfb-run -a -s "-screen 0 1600x1000x24"
endif
endif

.PHONY: demo test golden lint types format bench docs screenshots clean

demo:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh
	$(VENV)/visual-ccc demo $(ARGS)

test:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh test
	$(SCREEN) $(VENV)/python -m pytest -n 2 --dist loadfile $(ARGS)

golden:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh test
	$(VENV)/python scripts/golden.py compare tests/fixtures/golden_0.1.0.json $(ARGS)

lint:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh dev
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/lint-imports

types:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh dev
	$(VENV)/mypy

format:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh dev
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

bench:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh test
	$(VENV)/python -m benchmarks $(ARGS)

docs:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh docs
	$(VENV)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet --doctree-dir docs/_build/doctrees docs docs/_build/html $(ARGS)

screenshots:
	@PYTHON="$(PYTHON)" bash scripts/setup.sh
	$(SCREEN) $(VENV)/python docs/screenshots.py $(ARGS)

clean:
	rm -rf .venv demo-output dist build docs/_build docs/gallery docs/reference .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
