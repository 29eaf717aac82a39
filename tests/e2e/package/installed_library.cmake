# Installs the libraries to a folder of its own, builds examples/generate and examples/c against it and draws
# with the tiny model.
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
file(GLOB built ${BUILD}/libsd35.so* ${BUILD}/libsd35c.so*)
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

# C, by CMake and by pkg-config.
run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE}/examples/c -B ${WORK}/build-c -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build-c)
set(options "{\"width\": 64, \"height\": 64, \"num_inference_steps\": 2}")
run(${WORK}/build-c/draw ${WORK}/model "a red square" ${WORK}/from-c.png ${options})
file(GLOB_RECURSE description ${WORK}/prefix/*/sd35c.pc)
cmake_path(GET description PARENT_PATH descriptions)
set(ENV{PKG_CONFIG_PATH} ${descriptions})
run(sh -c "cc ${SOURCE}/examples/c/draw.c $(pkg-config --cflags --libs sd35c) -Wl,-rpath,$(pkg-config --variable=libdir sd35c) -o ${WORK}/draw")
run(${WORK}/draw ${WORK}/model "a red square" ${WORK}/from-c-again.png ${options})
file(REMOVE_RECURSE ${WORK})
