# What `cmake --install` leaves: headers, both libraries, the program, and how CMake and pkg-config find them. It can be moved as a whole.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${HOSTEL_STATIC} DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET hostel)
  install(TARGETS hostel)
  file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  # One path for both places: CMake would otherwise pad the shorter with empty entries, which mean the current directory.
  set_target_properties(hostel PROPERTIES INSTALL_RPATH "$ORIGIN;$ORIGIN/${bin_to_lib}" BUILD_WITH_INSTALL_RPATH ON)
endif()

# libhostel.so -> libhostel.so.0 -> libhostel.so.0.1.0: the linker's name, the loader's name, the file.
set(links ${PROJECT_BINARY_DIR}/install)
file(MAKE_DIRECTORY ${links})
file(CREATE_LINK libhostel.so.${HOSTEL_SOVERSION} ${links}/libhostel.so SYMBOLIC)
file(CREATE_LINK libhostel.so.${PROJECT_VERSION} ${links}/libhostel.so.${HOSTEL_SOVERSION} SYMBOLIC)
install(PROGRAMS ${HOSTEL_SHARED} DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libhostel.so.${PROJECT_VERSION})
install(FILES ${links}/libhostel.so ${links}/libhostel.so.${HOSTEL_SOVERSION} DESTINATION ${CMAKE_INSTALL_LIBDIR})

list(TRANSFORM HOSTEL_STATIC_NEEDS PREPEND -l OUTPUT_VARIABLE static_flags)
list(JOIN static_flags " " static_flags)
file(RELATIVE_PATH pkgconfig_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/hostel.pc.in hostel.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hostel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/hostel)
configure_package_config_file(cmake/hostelConfig.cmake.in hostelConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(hostelConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hostelConfig.cmake ${PROJECT_BINARY_DIR}/hostelConfigVersion.cmake DESTINATION ${package})
