# The program, the static libraries with their headers, and a package that find_package(foretoken) finds.
# foretoken::foretoken is every layer but studio and cli, which are the program and have no public headers.
# `cpack` in the build folder packs the same into a .deb and a .tar.gz.

include(CMakePackageConfigHelpers)

# What is installed or packed was built before; not the tests for the sake of it.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

get_property(layers GLOBAL PROPERTY FORETOKEN_LAYERS)
list(REMOVE_ITEM layers foretoken_cli foretoken_studio)

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

# What stands beside the program and the library: the catalog as files to start one's own from (the program holds it
# as well), the scenarios of the README, the licence.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/foretoken)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The program writes its completions and manual pages itself, where it can run.
if(NOT CMAKE_CROSSCOMPILING)
  set(pages ${CMAKE_CURRENT_BINARY_DIR}/installed_pages)
  install(CODE "
    file(MAKE_DIRECTORY ${pages}/man1 ${pages}/bash ${pages}/zsh ${pages}/fish)
    execute_process(COMMAND $<TARGET_FILE:foretoken> completion bash OUTPUT_FILE ${pages}/bash/foretoken COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND $<TARGET_FILE:foretoken> completion zsh OUTPUT_FILE ${pages}/zsh/_foretoken COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND $<TARGET_FILE:foretoken> completion fish OUTPUT_FILE ${pages}/fish/foretoken.fish COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND $<TARGET_FILE:foretoken> man --all ${pages}/man1 COMMAND_ERROR_IS_FATAL ANY)")
  install(DIRECTORY ${pages}/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(DIRECTORY ${pages}/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(DIRECTORY ${pages}/fish/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  install(DIRECTORY ${pages}/man1/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

set(CPACK_GENERATOR TGZ)
find_program(FORETOKEN_SHLIBDEPS dpkg-shlibdeps)  # names the packages that a .deb depends on
if(FORETOKEN_SHLIBDEPS)
  list(APPEND CPACK_GENERATOR DEB)
else()
  message(STATUS "No dpkg-shlibdeps: cpack makes no .deb (install dpkg-dev)")
endif()
set(CPACK_PACKAGE_NAME foretoken)
set(CPACK_PACKAGE_VENDOR "The Foretoken authors")
set(CPACK_PACKAGE_CONTACT "The Foretoken authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_FILE_NAME foretoken-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # the program's libraries, by their packages
# What the installed headers include and the static libraries link.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libboost1.81-dev, libboost-json1.81-dev, libyaml-cpp-dev, libfmt-dev")
include(CPack)
