# Install rules: headers by room, one library a room, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

foreach(room ring grant vchan net backend frontend)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${room}/
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/xenring/${room}
            FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(TARGETS xenring_ring xenring_grant xenring_vchan xenring_net xenring_backend
                xenring_frontend
                xenring_all
        EXPORT xenring-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT xenring-targets NAMESPACE xenring::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xenring)

configure_package_config_file(
    ${CMAKE_CURRENT_LIST_DIR}/xenring-config.cmake.in
    ${PROJECT_BINARY_DIR}/xenring-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xenring)
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/xenring-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/xenring-config.cmake
              ${PROJECT_BINARY_DIR}/xenring-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xenring)

set(XENRING_PC_REQUIRES "")
if(XENRING_WITH_XEN)
    list(APPEND XENRING_PC_REQUIRES xengnttab xenevtchn)
endif()
if(LIBURING_FOUND)
    list(APPEND XENRING_PC_REQUIRES liburing)
endif()
list(JOIN XENRING_PC_REQUIRES ", " XENRING_PC_REQUIRES)
# Relative to itself, so that an installation may be moved.
file(RELATIVE_PATH XENRING_PC_PREFIX
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/xenring.pc.in ${PROJECT_BINARY_DIR}/xenring.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/xenring.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
