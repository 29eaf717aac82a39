# Puts pictures into a target.
# sd35_embed_pictures(target name folder): the WebP files of a folder, named by code points in hexadecimal,
# are stored at the symbols `name` to `name`_end: for each file its code point and its length, four bytes
# each, and its bytes.
function(sd35_embed_pictures target name folder)
  file(GLOB pictures CONFIGURE_DEPENDS ${folder}/*.webp)
  set(assembly "")
  foreach(picture ${pictures})
    get_filename_component(code ${picture} NAME_WE)
    string(APPEND assembly ".4byte 0x${code}, 2f - 1f\n1: .incbin \"${picture}\"\n2:\n")
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
// Made by cmake/sprites.cmake.
asm(R"(
.pushsection .rodata
.balign 4
.globl @name@
.globl @name@_end
@name@:
@assembly@@name@_end:
.popsection
)");
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${pictures}" SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${source})
endfunction()
