# Installs the library to a folder of its own, builds examples/generate against it and draws with the tiny
# model.
#   cmake -DBUILD=<build folder> -DSOURCE=<source folder> -DMAKE_MODEL=<program> -DWORK=<scratch> -P ...
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
# As after ./run, which builds the program alone.
file(GLOB built ${BUILD}/libsd35.so*)
file(REMOVE ${built})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix --component library)

# Only the public headers are installed.
file(GLOB_RECURSE headers RELATIVE ${WORK}/prefix/include ${WORK}/prefix/include/*)
file(GLOB_RECURSE public RELATIVE ${SOURCE}/include ${SOURCE}/include/*.h)
if(NOT "${headers}" STREQUAL "${public}")
  message(FATAL_ERROR "installed headers are ${headers}, not ${public}")
endif()

run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE}/examples/generate -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${MAKE_MODEL} ${WORK}/model)
run(${WORK}/build/generate ${WORK}/model "a red square" ${WORK}/picture.png 64 2)
file(SIZE ${WORK}/picture.png size)
if(size LESS 1000)
  message(FATAL_ERROR "a picture of ${size} bytes")
endif()
file(REMOVE_RECURSE ${WORK})
