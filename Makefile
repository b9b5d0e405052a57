PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEVELOP := $(VENV)/.installed-develop
DOCS := $(VENV)/.installed-docs
READERS := $(VENV)/readers
# Only modules that are imported are compiled, when they first are; and then once, not by every process.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check
INSTALL := $(PIP) --constraint constraints.txt
# The embedded pack is a distribution of its own; named in one command with the extra that requires it, it is not looked
# for on any index.
PACK := packs/tabletop
PROJECTS := pyproject.toml $(PACK)/pyproject.toml constraints.txt

.PHONY: demo test test-slow lint docs faults bench readers check-full-size pack clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): $(PROJECTS) | $(BIN)/python
	@echo "installing editmill with torch, diffusers and Prefect into $(VENV); the first time takes some minutes"
	$(INSTALL) --editable '.[generate,watermark]' --editable ./$(PACK)
	@touch $@

$(DEVELOP): $(PROJECTS) | $(BIN)/python
	@echo "installing editmill with its development tools into $(VENV); the first time takes some minutes"
	$(INSTALL) --editable '.[generate,train,test,watermark]' --editable ./$(PACK)
	@touch $@ $(RUN)

$(DOCS): $(PROJECTS) | $(BIN)/python
	@echo "installing editmill with the tools of its documentation into $(VENV); the first time takes some minutes"
	$(INSTALL) --editable '.[docs,generate,watermark]' --editable ./$(PACK)
	@touch $@ $(RUN)

# Beside the development tools, with what is heavy; in a folder apart the older webdataset that open_clip asks for.
$(READERS)/.installed: $(DEVELOP)
	@echo "installing loaders of others into $(READERS); the first time takes some minutes"
	$(BIN)/python -m venv --without-pip $(READERS)
	for site in $(READERS)/lib/python*/site-packages; do \
		echo "import site; site.addsitedir('$(abspath $(VENV))/$${site#$(READERS)/}')" > $$site/development.pth; done
	$(PIP) --no-deps --upgrade --target $(READERS)/open_clip webdataset==0.2.86
	$(subst -m pip,-m pip --python $(READERS)/bin/python,$(INSTALL)) --editable '.[readers]'
	@touch $@

demo: $(RUN)  ## build, verify and evaluate a small dataset with the embedded models
	$(BIN)/editmill demo --out out/demo

test: lint  ## lint, types, imports and the test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: $(DEVELOP) $(DOCS)  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

lint: $(DEVELOP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/mypy
	$(BIN)/python tests/check_imports.py

docs: $(DOCS)  ## the documentation as a site in build/docs/site; broken links are errors
	$(BIN)/python -m docs.site build/docs

faults: $(DEVELOP)  ## bad input of every kind, kills and damaged datasets: one table of what was handled
	$(BIN)/python -m tests.faults

bench: $(DEVELOP)  ## timed comparisons, side by side in one run
	$(BIN)/python -m tests.benchmarks --json docs/benchmarks/engine.json

readers: $(READERS)/.installed  ## which loaders of others read a dataset of each family: one table
	$(READERS)/bin/python -m tests.readers

check-full-size: $(DEVELOP)  ## full-size checkpoints with random weights, through the command line (9 GB of disk)
	$(BIN)/python -m tests.benchmarks.full_size

pack: $(DEVELOP)  ## train every role of the embedded pack in order (hours on two cores)
	$(BIN)/python -m editmill.packs.tabletop.train all

clean:
	rm -rf $(VENV) out runs build
