# A thin face on CMake's presets; everything real is in scripts/ and CMakePresets.json.
# `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help run build test test-tidb parity bench quality asan tsan clang-check fuzz format check clean

PORT ?= 8000
DATA ?= ./data
PICTURES ?=
SECONDS_EACH ?= 60

help:
	@echo 'Ocellus: search pictures by picture or by words.'
	@echo
	@echo '  make run                    build, start on http://127.0.0.1:8000, import the demo pictures'
	@echo '  make run PICTURES=~/Photos  the same with your own folder'
	@echo '           PORT=8000 DATA=./data   the port to listen on, the folder that keeps everything'
	@echo '  make build                  the server alone: build/release/ocellus'
	@echo '  make test                   build and run every test: C++ and the Python clients'
	@echo
	@echo 'For those who change it:'
	@echo '  make check                  format, module layers, scripts, clang-tidy on what you changed'
	@echo '  make check TIDY=all         the same with clang-tidy on every file'
	@echo '  make format                 rewrite the C++ files in the house format'
	@echo '  make asan | tsan            unit tests under the address and undefined / thread sanitizer'
	@echo '  make clang-check            build with clang: lock annotations are errors'
	@echo '  make fuzz SECONDS_EACH=60   every fuzz target for so long'
	@echo '  make test-tidb              TiDB'"'"'s image search guide with pytidb; SOURCES=folder of a TiDB to build'
	@echo '  make parity                 every family of models against transformers and open_clip (3 GB of Python)'
	@echo '  make bench                  the benchmarks'
	@echo '  make quality                what the default bundle finds, beside its goals (after make -C training setup)'
	@echo '  make clean                  remove what was built; what was fetched and DATA stay'
	@echo
	@echo 'Debian 12, with git and make. Whatever else is missing is installed on the first call'
	@echo '(apt-get as root or with sudo, and PyPI); scripts/packages.txt lists it.'

run:
	@exec env PORT='$(PORT)' DATA='$(DATA)' PICTURES='$(PICTURES)' scripts/run

build:
	@scripts/build release ocellus

test:
	@scripts/test

test-tidb:
	@scripts/test_tidb

parity:
	@scripts/parity

bench:
	@scripts/bench

quality:
	@$(MAKE) --no-print-directory -C training quality

asan tsan:
	@scripts/sanitize $@

clang-check:
	@scripts/bootstrap build check
	@scripts/build clang-check

fuzz:
	@scripts/fuzz '$(SECONDS_EACH)'

format:
	@scripts/check format-write

check:
	@exec env TIDY='$(TIDY)' scripts/check format layers scripts tidy

clean:
	rm -rf build/release build/dev build/asan build/tsan build/clang-check build/fuzz
