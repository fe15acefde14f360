# The guests that tests, examples and the demo run. Their script knows what is out of date, so it is always asked.
set(HOSTEL_GUESTS ${PROJECT_BINARY_DIR}/guests)
add_custom_target(guests ALL
  COMMAND ${PROJECT_SOURCE_DIR}/tests/guests/build.sh ${HOSTEL_GUESTS}
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${PROJECT_SOURCE_DIR}/tests/guests/wat ${HOSTEL_GUESTS}
  USES_TERMINAL
  COMMENT "Building the guests")
# One cargo at a time: each wants every core.
add_dependencies(guests cargo)
