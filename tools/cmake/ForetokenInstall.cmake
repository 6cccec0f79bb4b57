# The program, the static libraries with their headers, and a package that find_package(foretoken) finds.
# foretoken::foretoken is every layer but cli, which is a program and has no public headers.

include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY FORETOKEN_LAYERS)
list(REMOVE_ITEM layers foretoken_cli)

add_library(foretoken_library INTERFACE)
target_link_libraries(foretoken_library INTERFACE ${layers})
set_target_properties(foretoken_library PROPERTIES EXPORT_NAME foretoken)
add_library(foretoken::foretoken ALIAS foretoken_library)

install(TARGETS foretoken RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS foretoken_library ${layers} EXPORT foretoken ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/foretoken DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/foretoken)
set(FORETOKEN_FIND_DEPENDENCIES "")
foreach(package IN LISTS FORETOKEN_LIBRARY_PACKAGES)
  string(APPEND FORETOKEN_FIND_DEPENDENCIES "find_dependency(${package})\n")
endforeach()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/foretokenConfig.cmake.in foretokenConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Below 1.0 a minor version may change the vocabulary.
write_basic_package_version_file(foretokenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/foretokenConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/foretokenConfigVersion.cmake
  DESTINATION ${package_dir})
install(EXPORT foretoken NAMESPACE foretoken:: FILE foretokenTargets.cmake DESTINATION ${package_dir})
