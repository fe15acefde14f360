# The C tests of this build run under the sanitizers. First each sanitizer is seen to report a planted mistake.

# Engines install their own SIGSEGV handler and signal stack and run guests on stacks of their own. The sanitizer keeps away from
# that signal: tests look at who handles it, and at programs that it ends.
set(asan_options detect_leaks=1:handle_segv=0:handle_sigbus=0:use_sigaltstack=0:detect_stack_use_after_return=0)
set(lsan_options suppressions=${PROJECT_SOURCE_DIR}/tests/sanitize/leaks.txt:print_suppressions=0)
set(environment ASAN_OPTIONS=${asan_options} LSAN_OPTIONS=${lsan_options} UBSAN_OPTIONS=print_stacktrace=1)

get_property(names DIRECTORY PROPERTY TESTS)
set_tests_properties(${names} PROPERTIES ENVIRONMENT "${environment}" FIXTURES_REQUIRED sanitizers TIMEOUT 1200)

function(add_plant name pattern)
  add_executable(plant.${name} EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/sanitize/${name}.c)
  target_link_libraries(plant.${name} PRIVATE hostel::hostel)
  add_dependencies(tests plant.${name})
  add_test(NAME plant.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/gates/must-fail.sh ${pattern} $<TARGET_FILE:plant.${name}>)
  set_tests_properties(plant.${name} PROPERTIES ENVIRONMENT "${environment}" FIXTURES_SETUP sanitizers)
endfunction()

add_plant(leak "LeakSanitizer: detected memory leaks")
add_plant(use_after_free "AddressSanitizer: heap-use-after-free")
add_plant(overflow "runtime error: signed integer overflow")
