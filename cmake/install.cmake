# Two components: `library` (find_package(auspex)) and `server` (auspexd). cmake --install BUILD --component library
include(CMakePackageConfigHelpers)
install(TARGETS auspex auspex_analytics auspex_query auspex_storage EXPORT auspexTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY include/auspex storage/include/auspex query/include/auspex analytics/include/auspex
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library FILES_MATCHING PATTERN "*.h")
install(EXPORT auspexTargets NAMESPACE auspex:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/auspex COMPONENT library)
configure_package_config_file(cmake/auspexConfig.cmake.in auspexConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/auspex)
write_basic_package_version_file(auspexConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/auspexConfig.cmake ${PROJECT_BINARY_DIR}/auspexConfigVersion.cmake cmake/dependencies.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/auspex COMPONENT library)
if(AUSPEX_SERVER)
  install(TARGETS auspexd auspex_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
endif()
