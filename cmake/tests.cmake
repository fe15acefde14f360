# Each tests/NAME.c is a program that runs its facts on the engine named by its first argument, and answers 77 when this
# build lacks that engine. It is linked with the shared and with the static library.
set(HOSTEL_ENGINES cranelift wasmi llvm wasmtime tiered)
# What is kept of a module, and counted, is its engine's. `tiered` keeps what its tiers do, which are in the table themselves;
# how it goes about that is in tests/tiered_caches.c.
set(tests_of_kept_code "^(artifact|cache|headless|load_alias|portable)")
file(GLOB test_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*.c)
file(GLOB test_scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*.sh)
if(NOT HOSTEL_FEATURES MATCHES "(^|,)wasi(,|$)")
  # Such a build runs no programs; tests/rust_api.rs has what it says instead.
  list(FILTER test_sources EXCLUDE REGEX "/(wasi.*|command)\\.c$")
  list(FILTER test_scripts EXCLUDE REGEX "/cli_wasi\\.sh$")
endif()

# What the tests of remote caches run in: a Redis and an S3 server on this machine, stopped with the test.
set(HOSTEL_TEST_PYTHON ${PROJECT_SOURCE_DIR}/build-tools/moto/bin/python)
set(with_servers ${HOSTEL_TEST_PYTHON} ${PROJECT_SOURCE_DIR}/tests/remote/with_servers.py)
foreach(name cache_remote cache_remote_agreement cache_remote_entries cache_remote_tls)
  set(launcher_of_${name} ${with_servers})
endforeach()
set(launcher_of_cli_remote ${with_servers})

# Not part of `all`: who only wants the library does not wait for its tests.
add_custom_target(tests)
add_dependencies(tests guests)

function(add_c_test program source library)
  cmake_path(GET source STEM stem)
  add_executable(${program} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${program} PRIVATE ${library} pthread)
  target_compile_definitions(${program} PRIVATE HOSTEL_GUESTS="${HOSTEL_GUESTS}")
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_dependencies(tests ${program})
  if(stem MATCHES "${tests_of_kept_code}")
    list(REMOVE_ITEM ARGN tiered)
  endif()
  foreach(engine IN LISTS ARGN)
    add_test(NAME ${program}.${engine} COMMAND ${launcher_of_${stem}} $<TARGET_FILE:${program}> ${engine} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${program}.${engine} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
  endforeach()
endfunction()

foreach(source IN LISTS test_sources)
  cmake_path(GET source STEM name)
  add_c_test(c.${name} ${source} hostel::hostel ${HOSTEL_ENGINES})
endforeach()

# These have a name server at an address of their own, which two cannot have at once.
foreach(engine IN LISTS HOSTEL_ENGINES)
  if(TEST c.cache_remote_names.${engine})
    set_tests_properties(c.cache_remote_names.${engine} PROPERTIES RESOURCE_LOCK name-server)
  endif()
endforeach()

if(HOSTEL_SANITIZE)
  return()
endif()

# The archive holds the same code; what can differ is the linking: handlers of signals, threads, forks, code that only tables
# lead to, what other libraries do. These tests meet all of that, one of them on every engine. A program with LLVM in it is
# of 150 MB, so not all tests are linked so.
function(add_static_test name)
  add_c_test(c-static.${name} ${PROJECT_SOURCE_DIR}/tests/${name}.c hostel::static ${ARGN})
  target_link_options(c-static.${name} PRIVATE -Wl,--gc-sections)
endfunction()
add_static_test(traps ${HOSTEL_ENGINES})
foreach(name artifact cache_directory deadline forks guest log module threads)
  add_static_test(${name} cranelift wasmi)
endforeach()

# Each tests/NAME.sh is given the build directory: what is only seen from outside, such as the command line.
foreach(script IN LISTS test_scripts)
  cmake_path(GET script STEM name)
  add_test(NAME script.${name} COMMAND ${launcher_of_${name}} ${script} ${PROJECT_BINARY_DIR} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(script.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900)
endforeach()

# Compiled with the other tests, where cargo can show how far it is.
add_custom_target(rust-tests
  COMMAND ${HOSTEL_CARGO} build --release --locked -p hostel-header
  COMMAND ${HOSTEL_CARGO} test --release --locked ${cargo_arguments} --no-run
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  USES_TERMINAL
  COMMENT "Building the Rust tests")
add_dependencies(rust-tests cargo)
add_dependencies(tests rust-tests)
add_test(NAME rust.tests COMMAND ${HOSTEL_CARGO} test --release --locked ${cargo_arguments} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(rust.tests PROPERTIES ENVIRONMENT HOSTEL_GUESTS=${HOSTEL_GUESTS} RUN_SERIAL ON TIMEOUT 3600)

# Random modules in rooms, and the specification's test suite: see fuzz/. Built by two calls of cargo, each of which has to choose
# the features of what the two packages share.
add_custom_target(fuzz-programs
  COMMAND ${HOSTEL_CARGO} build --release --locked -p hostel-fuzz ${cargo_arguments}
  COMMAND ${HOSTEL_CARGO} build --release --locked -p hostel-fuzz-inputs
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  USES_TERMINAL
  COMMENT "Building the programs of fuzz/")
add_dependencies(fuzz-programs rust-tests)
add_dependencies(tests fuzz-programs)
add_test(NAME fuzz.rooms COMMAND ${cargo_output}/fuzz-rooms 0 500)
set_tests_properties(fuzz.rooms PROPERTIES LABELS fuzz TIMEOUT 600)
# What `tiered` runs is the code of its tiers, which the suite is run on.
set(engines_of_the_suite ${HOSTEL_ENGINES})
list(REMOVE_ITEM engines_of_the_suite tiered)
foreach(engine IN LISTS engines_of_the_suite)
  add_test(NAME spec.${engine} COMMAND ${cargo_output}/fuzz-spec ${engine})
  set_tests_properties(spec.${engine} PROPERTIES LABELS spec SKIP_RETURN_CODE 77 TIMEOUT 600)
endforeach()
