PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-slow lint bench pack clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[generate,train,test]'
	touch $(STAMP)

demo: $(STAMP)  ## build, verify and evaluate a small dataset with the embedded models
	$(BIN)/editmill demo --out out/demo

test: lint  ## lint, types, imports and the test suite
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(STAMP)  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/check_imports.py

bench: $(STAMP)  ## timed comparisons, side by side in one run
	$(BIN)/python -m tests.benchmarks

pack: $(STAMP)  ## train every role of the embedded pack in order (hours on two cores)
	for role in autoencoder classifier zero_shot inpaint; do $(BIN)/python -m packs.tabletop.train $$role || exit 1; done

clean:
	rm -rf $(VENV) out runs build
