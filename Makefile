# make demo: fine-tune the bundled model and hear it. make test: run the tests. Both set everything up themselves.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# What some tests compare with or look through, and skip without: the espeak-ng of the reference cases, flite's voices
# for the corpus recipes, a browser for the report.
DEBIAN_PACKAGES := libespeak-ng1 flite chromium
# Not among the constraints: torch's builds for GPUs ask for a version of their own.
TRITON := triton==3.9.0

.PHONY: demo test test-slow test-numbers test-triton lint format setup system-packages clean

# torch is installed first and by its pinned version: any other request could fetch a build with CUDA packages.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

setup: $(VENV)/.installed

system-packages:
	@dpkg -s $(DEBIAN_PACKAGES) >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN_PACKAGES) >/dev/null; } \
	    || echo "Without the Debian packages $(DEBIAN_PACKAGES) some tests are skipped."

demo: $(VENV)/.installed
	$(BIN)/tts-finetune --demo

test: $(VENV)/.installed-test system-packages
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

test-slow: $(VENV)/.installed-test system-packages
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m slow

# What is computed must not hang on the CPU: the tests of numbers once more with other kernels, of an older CPU.
test-numbers: $(VENV)/.installed-test system-packages
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=default $(BIN)/python -m pytest -q -n auto \
	    --dist loadfile -m "not slow" tests/audio tests/layers tests/families

# The kernels for GPUs in Triton's interpreter. A folder of its own, as no run on a CPU needs its gigabyte; and there are
# builds for Linux alone.
.triton/$(TRITON): $(VENV)/.installed-test
	rm -rf .triton
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target .triton $(TRITON)
	touch $@

test-triton: .triton/$(TRITON)
	PYTHONPATH=.triton $(BIN)/python -m pytest -q tests/layers/test_alignment_kernel.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .triton build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
