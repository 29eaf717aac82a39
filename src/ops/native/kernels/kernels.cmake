# One source of the kernels, compiled once per level of instructions; dispatch.cc chooses at run time.
set(kernels ${CMAKE_CURRENT_SOURCE_DIR}/ops/native/kernels)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
  set_source_files_properties(${kernels}/isa_avx2.cc PROPERTIES COMPILE_OPTIONS "${avx2}")
  set_source_files_properties(${kernels}/isa_avx512.cc PROPERTIES COMPILE_OPTIONS "${avx512}")
  set_source_files_properties(${kernels}/isa_avx512_bf16.cc PROPERTIES COMPILE_OPTIONS "${avx512};-mavx512bf16;-mavx512vnni")
endif()
