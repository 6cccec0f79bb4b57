# Installs the build tree BUILD into a folder of its own, builds SOURCE against it, runs it, and compares what it prints.
# Run by ctest with -DBUILD -DSOURCE -DWORK -DGENERATOR -DCXX -DCXX_FLAGS -DBUILD_TYPE.

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "'${ARGN}' ended with ${code}\n${out}\n${err}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
# An installed tree may move.
file(RENAME ${WORK}/first ${WORK}/prefix)

run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_BUILD_TYPE=${BUILD_TYPE})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
message(STATUS "the consumer printed:\n${out}")

foreach(expected
    "catalog: h100_sxm\n"
    "lone: completed 1, TTFT 20\\.000 ms, TPOT 9\\.800 ms, E2E 510\\.000 ms, JSON has TTFT\n"
    "roofline: completed 1, TTFT [1-9][0-9]*\\.[0-9]+ ms, TPOT [1-9][0-9]*\\.[0-9]+ ms, E2E [1-9][0-9]*\\.[0-9]+ ms, JSON has TTFT\n"
    "check: meets, a text of something\n"
    "misspelt:6:1: error: .*'?engin'?.*engine")
  if(NOT out MATCHES "${expected}")
    message(FATAL_ERROR "expected a line like\n  ${expected}\nin\n${out}")
  endif()
endforeach()

run(${WORK}/prefix/bin/foretoken --version)
file(GLOB_RECURSE package_files ${WORK}/prefix/*.cmake ${WORK}/prefix/*.hpp)
foreach(path IN LISTS package_files)
  file(READ ${path} text)
  foreach(folder IN ITEMS ${BUILD} ${WORK}/first)
    string(FIND "${text}" "${folder}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${path} names ${folder}, which is not there after an installation")
    endif()
  endforeach()
endforeach()
