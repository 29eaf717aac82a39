# Puts files into the server: serving/embedded.h.
# sd35_embed_for_serving(target openapi folder): the description of the API, and index.html, app.js and app.css of the
# folder, plain and packed by gzip; where it does not hold all three, none of them.
function(sd35_embed_for_serving target openapi folder)
  set(assembly "")
  set(declarations "")
  set(files ${openapi})
  set(number 0)
  macro(sd35_embed_one file)
    string(APPEND assembly "sd35_embedded_${number}:\n.incbin \"${file}\"\nsd35_embedded_${number}_end:\n")
    string(APPEND declarations "extern const char sd35_embedded_${number}[], sd35_embedded_${number}_end[];\n")
    math(EXPR number "${number} + 1")
  endmacro()
  sd35_embed_one(${openapi})
  set(page "")
  file(GLOB present CONFIGURE_DEPENDS ${folder}/*.html ${folder}/*.js ${folder}/*.css)
  if("${folder}/index.html" IN_LIST present AND "${folder}/app.js" IN_LIST present AND "${folder}/app.css" IN_LIST present)
    find_program(GZIP gzip REQUIRED)
    foreach(name index.html app.js app.css)
      set(packed ${CMAKE_CURRENT_BINARY_DIR}/page/${name}.gz)
      add_custom_command(OUTPUT ${packed} COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/page
                         COMMAND ${GZIP} -9nc ${folder}/${name} > ${packed} DEPENDS ${folder}/${name} VERBATIM)
      list(APPEND files ${folder}/${name} ${packed})
      set(plain_number ${number})
      sd35_embed_one(${folder}/${name})
      string(APPEND page "    {\"${name}\", text(sd35_embedded_${plain_number}, sd35_embedded_${plain_number}_end), text(sd35_embedded_${number}, sd35_embedded_${number}_end)},\n")
      sd35_embed_one(${packed})
    endforeach()
  endif()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/sd35_embedded.cc)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
// Made by cmake/embed.cmake.
#include "serving/embedded.h"

asm(R"(
.pushsection .rodata
@assembly@.popsection
)");

extern "C" {
@declarations@}

namespace sd35::serving {
namespace {

std::string_view text(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

std::string_view openapi_json() { return text(sd35_embedded_0, sd35_embedded_0_end); }

std::vector<EmbeddedFile> embedded_page() {
  return {
@page@  };
}

}  // namespace sd35::serving
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}" SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${source})
endfunction()
