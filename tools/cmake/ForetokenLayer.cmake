# One static library per layer: foretoken_layer(NAME SOURCES ... DEPENDS layers ... PRIVATE libraries ...)
# Link order then enforces the layering that tools/check-layers verifies in the includes.

add_library(foretoken_options INTERFACE)
target_compile_features(foretoken_options INTERFACE cxx_std_20)
target_compile_options(foretoken_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  # g++ 12 at -O3 sees overlaps in "a" + string that cannot be (its bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  # The same bits on every machine: no fused multiply-add behind our back.
  -ffp-contract=off)
if(FORETOKEN_WERROR)
  target_compile_options(foretoken_options INTERFACE -Werror)
endif()

function(foretoken_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PUBLIC;PRIVATE" ${ARGN})
  add_library(foretoken_${name} STATIC ${ARG_SOURCES})
  target_include_directories(foretoken_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND foretoken_)
  target_link_libraries(foretoken_${name}
    PUBLIC ${ARG_DEPENDS} ${ARG_PUBLIC} Boost::headers
    PRIVATE $<BUILD_INTERFACE:foretoken_options> fmt::fmt ${ARG_PRIVATE})
  target_compile_features(foretoken_${name} PUBLIC cxx_std_20)
  set_target_properties(foretoken_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY FORETOKEN_LAYERS foretoken_${name})
endfunction()

# foretoken_test(NAME SOURCES ... LINKS layers ... [SLOW]): a GoogleTest program, one ctest each.
function(foretoken_test name)
  cmake_parse_arguments(ARG "SLOW" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_LINKS PREPEND foretoken_)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} foretoken_options fmt::fmt GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    FORETOKEN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" FORETOKEN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  if(ARG_SLOW)
    set_tests_properties(${name} PROPERTIES LABELS slow)
  endif()
endfunction()
