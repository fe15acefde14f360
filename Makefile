# The few commands of this project. Each installs what it needs and is missing.
CMAKE_FLAGS ?=
CTEST_FLAGS ?=
JOBS ?= 2
# The first seed of fuzz-rooms, and how many.
START ?= 0
COUNT ?= 20000

.PHONY: setup build demo test test-sanitize fuzz-rooms bench deps header clean
.NOTPARALLEL:

setup: ## install the compilers and tools that are missing
	@tools/setup.sh

build: setup ## build/hostel, build/libhostel.so, build/libhostel.a
	@cmake -S . -B build -G Ninja $(CMAKE_FLAGS) >/dev/null
	@cmake --build build

demo: build ## render this README with a guest, on every engine
	@build/demo README.md build/README.html

test: setup ## every test, one summary
	@cmake -S . -B build -G Ninja $(CMAKE_FLAGS) >/dev/null
	@cmake --build build --target all tests
	@ctest --test-dir build --output-on-failure --parallel $(JOBS) $(CTEST_FLAGS)

test-sanitize: ## the C tests under address, leak and undefined-behaviour sanitizers
	@tools/setup.sh sanitize
	@cmake -S . -B build-sanitize -G Ninja -DHOSTEL_SANITIZE=ON \
		-DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 $(CMAKE_FLAGS) >/dev/null
	@cmake --build build-sanitize --target all tests
	@ctest --test-dir build-sanitize --output-on-failure --parallel $(JOBS) $(CTEST_FLAGS)

fuzz-rooms: setup ## random modules in rooms and in new instances: START=0 COUNT=20000
	@cmake -S . -B build -G Ninja $(CMAKE_FLAGS) >/dev/null
	@cmake --build build --target fuzz-programs
	@target/release/fuzz-rooms $(START) $(COUNT) $(JOBS)

bench: build ## compare with other hosts; writes build/bench.json and docs/bench.svg
	@benches/guests/build.sh build/bench-guests
	@cargo build --release --locked --manifest-path benches/holochain/Cargo.toml --target-dir target/bench-holochain
	@cd benches/extism && cargo build --release --locked --target-dir ../../target/bench-extism
	@HOSTEL_LIB_DIR=$(CURDIR)/build cargo run --release --locked --manifest-path benches/Cargo.toml --target-dir target/bench

deps: setup ## licences, sources, duplicates and advisories of what the library is built from; writes docs/security.md
	@tools/deps.sh

header: setup ## include/hostel.h and tests/symbols.txt from src/ffi
	@cargo run --release --locked --quiet -p hostel-header -- write

clean: ## forget everything that was built
	rm -rf build build-sanitize
	cargo clean
