# One static library per layer: foretoken_layer(NAME [SOURCES ...] [COLD ...] DEPENDS layers ... PRIVATE libraries ... [QUICK] [BATCHES n])
# Without SOURCES, those of its folder and the folders in it. QUICK: all of it is compiled quickly, COLD: these sources are.
# Link order then enforces the layering that tools/check-layers verifies in the includes.

add_library(foretoken_options INTERFACE)
target_compile_features(foretoken_options INTERFACE cxx_std_20)
target_compile_options(foretoken_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  # g++ 12 at -O3 sees overlaps in "a" + string that cannot be (its bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  # The same bits on every machine: no fused multiply-add behind our back.
  -ffp-contract=off)
# g++ looks for garbage whenever so much has been added: with what a batch needs from the start, one of report's took 6 % less time.
target_compile_options(foretoken_options INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:--param=ggc-min-heapsize=600000 --param=ggc-min-expand=200>)
if(FORETOKEN_WERROR)
  target_compile_options(foretoken_options INTERFACE -Werror)
endif()

# Where no time is spent when a study runs, an optimised build need not spend any on optimising. g++ is quickest with -Og: a
# third quicker than with -O1, and a little than with -O0, which writes out every small function.
function(foretoken_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Og>)
endfunction()

# A compiler spends most of its time on the headers of a file, so a build with CMAKE_UNITY_BUILD (the release preset)
# reads them once for many files: the sources of a target are compiled in so many batches, one after the other in each.
function(foretoken_batches target count)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  list(LENGTH sources length)
  math(EXPR size "(${length} + ${count} - 1) / ${count}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE BATCH UNITY_BUILD_BATCH_SIZE ${size})
endfunction()

function(foretoken_layer name)
  cmake_parse_arguments(ARG "QUICK" "BATCHES" "SOURCES;COLD;DEPENDS;PUBLIC;PRIVATE" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB_RECURSE ARG_SOURCES CONFIGURE_DEPENDS *.cpp)
  endif()
  add_library(foretoken_${name} STATIC ${ARG_SOURCES})
  target_include_directories(foretoken_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND foretoken_)
  target_link_libraries(foretoken_${name}
    PUBLIC ${ARG_DEPENDS} ${ARG_PUBLIC} Boost::headers
    PRIVATE $<BUILD_INTERFACE:foretoken_options> fmt::fmt ${ARG_PRIVATE})
  target_compile_features(foretoken_${name} PUBLIC cxx_std_20)
  if(NOT ARG_BATCHES)
    set(ARG_BATCHES 1)
  endif()
  foretoken_batches(foretoken_${name} ${ARG_BATCHES})
  if(ARG_QUICK)
    foretoken_compile_quickly(foretoken_${name})
  endif()
  if(ARG_COLD)
    set(cold foretoken_${name}_cold)
    add_library(${cold} OBJECT ${ARG_COLD})
    target_include_directories(${cold} PRIVATE $<TARGET_PROPERTY:foretoken_${name},INCLUDE_DIRECTORIES>)
    target_link_libraries(${cold} PRIVATE ${ARG_DEPENDS} Boost::headers foretoken_options fmt::fmt ${ARG_PRIVATE})
    foretoken_batches(${cold} 1)
    foretoken_compile_quickly(${cold})
    target_sources(foretoken_${name} PRIVATE $<TARGET_OBJECTS:${cold}>)
  endif()
  set_target_properties(foretoken_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY FORETOKEN_LAYERS foretoken_${name})
endfunction()

# GoogleTest's headers and the scenario's take longer to read than most tests: once for all of them in an optimised build. (Others are
# built again and again, with a compiler cache, which precompiled headers defeat.)
function(foretoken_test_headers)
  # Where the checkout stands is the business of the few files that ask: the others compile the same everywhere.
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_paths/test_paths.hpp CONTENT
"// Written by tools/cmake/ForetokenLayer.cmake.
#pragma once
#define FORETOKEN_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\"
#define FORETOKEN_BINARY_DIR \"${PROJECT_BINARY_DIR}\"
")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp CONTENT "// Only its precompiled headers are used.\n")
  set(headers foretoken_test_headers)
  add_library(${headers} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp)
  target_link_libraries(${headers} PRIVATE foretoken_options fmt::fmt GTest::gmock Boost::headers)
  target_include_directories(${headers} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  foretoken_compile_quickly(${headers})
  target_precompile_headers(${headers} PRIVATE <gmock/gmock.h> <fmt/format.h>
    ${PROJECT_SOURCE_DIR}/include/foretoken/experiment/run.hpp)
endfunction()

# foretoken_test(NAME SOURCES ... LINKS layers ... [LONG filters ...] [SLOW]): a GoogleTest program, one ctest each. One program a folder
# where nothing speaks against it: its sources are compiled together, up to a dozen at a time, and half of the time of a file of tests is
# what it shares with the next. Slow ones are built by target slow_tests. Tests ask what the libraries compute: to optimise them costs more
# than it saves. LONG names tests that are slow in a program that is not.
add_custom_target(slow_tests)
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=gold FORETOKEN_HAS_GOLD)  # in half the time of the usual one
set(FORETOKEN_QUICK_LINKER $<$<AND:$<CONFIG:Release>,$<BOOL:${FORETOKEN_HAS_GOLD}>>:-fuse-ld=gold>)
function(foretoken_test name)
  cmake_parse_arguments(ARG "SLOW" "" "SOURCES;LINKS;LONG" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_LINKS PREPEND foretoken_)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} foretoken_options fmt::fmt GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_BINARY_DIR}/test_paths)
  list(LENGTH ARG_SOURCES sources)
  math(EXPR batches "(${sources} + 11) / 12")
  foretoken_batches(${name} ${batches})
  target_link_options(${name} PRIVATE ${FORETOKEN_QUICK_LINKER})
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    foretoken_compile_quickly(${name})
    target_precompile_headers(${name} REUSE_FROM foretoken_test_headers)
    # Read from there, the library's own headers lose the pardon that system headers have: g++ 12 then sees the overlaps
    # of its bug 105651 again, as bounds.
    target_compile_options(${name} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
  if(ARG_LONG)
    list(JOIN ARG_LONG ":" long)
    add_test(NAME ${name}_long COMMAND ${name} --gtest_filter=${long})
    set_tests_properties(${name}_long PROPERTIES TIMEOUT 600 LABELS slow)
    set(all_others --gtest_filter=-${long})
  endif()
  add_test(NAME ${name} COMMAND ${name} ${all_others})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  if(ARG_SLOW)
    set_tests_properties(${name} PROPERTIES LABELS slow)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    add_dependencies(slow_tests ${name})
  endif()
endfunction()

# foretoken_test_many(NAME PROGRAM SUITE COUNT): a suite of a program over many more scenarios, with the slow tests.
function(foretoken_test_many name program suite count)
  add_test(NAME ${name}_slow COMMAND ${program} --gtest_filter=${suite}.*)
  set_tests_properties(${name}_slow PROPERTIES LABELS slow ENVIRONMENT FORETOKEN_SCENARIOS=${count} TIMEOUT 1200)
endfunction()
