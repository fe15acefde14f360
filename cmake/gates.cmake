# Gates: what must hold besides behaviour. A gate that could pass by mistake has a test that sees it fail.
set(gates ${PROJECT_SOURCE_DIR}/tests/gates)
set(header ${PROJECT_SOURCE_DIR}/include/hostel.h)
find_program(CLANG_FORMAT clang-format-22 REQUIRED)
find_program(READELF readelf REQUIRED)

function(add_gate name)
  add_test(NAME gate.${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()

# cargo uses every core by itself and holds a lock, so these run alone.
function(add_cargo_gate name)
  add_gate(${name} ${HOSTEL_CARGO} ${ARGN})
  set_tests_properties(gate.${name} PROPERTIES RUN_SERIAL ON TIMEOUT 3600)
endfunction()

# The header compiles alone.
foreach(standard c99 c11 c17)
  add_gate(header.${standard} ${CMAKE_C_COMPILER} -std=${standard} -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c ${header})
endforeach()
foreach(standard c++17 c++20)
  add_gate(header.${standard} ${CMAKE_CXX_COMPILER} -std=${standard} -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ ${header})
endforeach()

# The header and the list of symbols are what src/ffi says.
set(check_header run --release --locked --quiet -p hostel-header -- check)
add_cargo_gate(header.drift ${check_header})
add_gate(header.drift.fails-on-a-changed-header ${gates}/changed-header.sh ${header} ${HOSTEL_CARGO} ${check_header})
set_tests_properties(gate.header.drift.fails-on-a-changed-header PROPERTIES RUN_SERIAL ON TIMEOUT 3600)

# The libraries export that list, and nothing else.
add_gate(symbols.shared ${gates}/symbols.sh ${HOSTEL_SHARED} ${HOSTEL_SYMBOLS})
add_gate(symbols.static ${gates}/symbols.sh ${HOSTEL_STATIC} ${HOSTEL_SYMBOLS})
add_gate(symbols.fails-on-a-planted-symbol ${gates}/planted-symbol.sh ${CMAKE_C_COMPILER} ${HOSTEL_STATIC} ${HOSTEL_SYMBOLS})
add_gate(dynamic-section ${gates}/dynamic-section.sh ${READELF} ${HOSTEL_SHARED} libhostel.so.${HOSTEL_SOVERSION})

# Formatting and lints.
file(GLOB formatted CONFIGURE_DEPENDS include/*.h c-examples/*.[ch] tests/*.[ch] benches/guests/*.c)
file(GLOB_RECURSE formatted_below CONFIGURE_DEPENDS tests/guests/*.[ch] tests/install/*.c tests/sanitize/*.c)
list(APPEND formatted ${formatted_below})
list(REMOVE_ITEM formatted ${header})
list(FILTER formatted EXCLUDE REGEX "/target/")
add_gate(format.c ${CLANG_FORMAT} --dry-run -Werror ${formatted})
add_gate(format.c.fails-on-a-misformatted-file ${gates}/misformatted-file.sh ${CLANG_FORMAT})
add_gate(format.rust ${CARGO} fmt --all --check)
foreach(workspace tests/guests benches benches/extism benches/holochain)
  add_gate(format.rust.${workspace} ${CARGO} fmt --manifest-path ${workspace}/Cargo.toml --all --check)
endforeach()
add_cargo_gate(clippy.hostel clippy --release --locked --all-targets -p hostel ${cargo_arguments} -- -D warnings)
foreach(package hostel-guest hostel-header)
  add_cargo_gate(clippy.${package} clippy --release --locked --all-targets -p ${package} -- -D warnings)
endforeach()

# What the minimal profile is made of needs no operating system.
foreach(target x86_64-unknown-none wasm32-unknown-unknown)
  add_cargo_gate(no-std.${target}
    rustc --release --locked --lib --crate-type rlib --no-default-features --features minimal --target ${target})
endforeach()

# A project of its own builds against what `cmake --install` leaves.
add_gate(install ${PROJECT_SOURCE_DIR}/tests/install/run.sh ${PROJECT_BINARY_DIR} ${CMAKE_C_COMPILER})
