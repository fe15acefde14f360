# The library: cargo compiles it, the results are copied to the build directory.
find_program(CARGO cargo REQUIRED)

# Every call of cargo: one target directory, whatever the environment says.
set(HOSTEL_CARGO ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${PROJECT_SOURCE_DIR}/target)
set(cargo_output ${PROJECT_SOURCE_DIR}/target/release)
string(REPLACE "," ";" features "${HOSTEL_FEATURES}")
if(HOSTEL_LLVM_BUILT)
  list(APPEND HOSTEL_CARGO LLVM_SYS_221_PREFIX=${HOSTEL_LLVM_PREFIX})
  list(APPEND features llvm)
endif()
set(cargo_arguments)
foreach(feature IN LISTS features)
  list(APPEND cargo_arguments --features ${feature})
endforeach()
if(HOSTEL_SANITIZE)
  # wasmi jumps from instruction to instruction by tail calls, which the sanitizer turns into calls that eat the stack.
  list(APPEND cargo_arguments --features wasmi/portable-dispatch)
  # An explicit target keeps build scripts and procedural macros free of the sanitizer.
  set(triple ${CMAKE_HOST_SYSTEM_PROCESSOR}-unknown-linux-gnu)
  # Guests run on stacks of their own, which a trap leaves without the returns that would unpoison Rust's stack frames; the next
  # call on that stack would then be reported. So in Rust the heap and globals are watched, and in C the stack too.
  list(APPEND HOSTEL_CARGO "RUSTFLAGS=-Zsanitizer=address -Cllvm-args=-asan-stack=0" ${CARGO} +nightly)
  list(APPEND cargo_arguments --target ${triple})
  set(cargo_output ${PROJECT_SOURCE_DIR}/target/${triple}/release)
else()
  list(APPEND HOSTEL_CARGO ${CARGO})
endif()

# cargo knows best what is out of date, so it is always asked.
add_custom_target(cargo
  COMMAND ${HOSTEL_CARGO} build --release --locked ${cargo_arguments}
  BYPRODUCTS ${cargo_output}/libhostel.so ${cargo_output}/libhostel.a
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  USES_TERMINAL
  VERBATIM
  COMMENT "Building the library with cargo")

set(HOSTEL_SHARED ${PROJECT_BINARY_DIR}/libhostel.so)
add_custom_command(OUTPUT ${HOSTEL_SHARED}
  COMMAND ${CMAKE_COMMAND} -E copy ${cargo_output}/libhostel.so ${HOSTEL_SHARED}
  COMMAND ${CMAKE_COMMAND} -E create_symlink libhostel.so ${HOSTEL_SHARED}.${HOSTEL_SOVERSION}
  DEPENDS ${cargo_output}/libhostel.so
  COMMENT "Copying libhostel.so")
add_custom_target(shared ALL DEPENDS ${HOSTEL_SHARED})
add_dependencies(shared cargo)
add_library(hostel::hostel SHARED IMPORTED GLOBAL)
set_target_properties(hostel::hostel PROPERTIES
  IMPORTED_LOCATION ${HOSTEL_SHARED}
  IMPORTED_SONAME libhostel.so.${HOSTEL_SOVERSION}
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
add_dependencies(hostel::hostel shared)

if(HOSTEL_SANITIZE)
  return()
endif()

set(HOSTEL_SYMBOLS ${PROJECT_SOURCE_DIR}/tests/symbols.txt)
set(HOSTEL_STATIC ${PROJECT_BINARY_DIR}/libhostel.a)
# What the archive needs of the system; hostel.pc and hostelConfig.cmake repeat it.
set(HOSTEL_STATIC_NEEDS pthread dl m)
if(HOSTEL_LLVM_BUILT)
  list(PREPEND HOSTEL_STATIC_NEEDS ${HOSTEL_LLVM_NEEDS})
endif()
add_custom_command(OUTPUT ${HOSTEL_STATIC}
  COMMAND ${CMAKE_COMMAND} -E env LD=${CMAKE_LINKER} OBJCOPY=${CMAKE_OBJCOPY} AR=${CMAKE_AR}
    ${PROJECT_SOURCE_DIR}/cmake/localise.sh ${cargo_output}/libhostel.a ${HOSTEL_STATIC} ${HOSTEL_SYMBOLS}
  DEPENDS ${cargo_output}/libhostel.a ${HOSTEL_SYMBOLS} ${PROJECT_SOURCE_DIR}/cmake/localise.sh
  COMMENT "Hiding all but hostel_* in libhostel.a")
add_custom_target(static ALL DEPENDS ${HOSTEL_STATIC})
add_dependencies(static cargo)
add_library(hostel::static STATIC IMPORTED GLOBAL)
set_target_properties(hostel::static PROPERTIES
  IMPORTED_LOCATION ${HOSTEL_STATIC}
  INTERFACE_LINK_LIBRARIES "${HOSTEL_STATIC_NEEDS}"
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
add_dependencies(hostel::static static)
