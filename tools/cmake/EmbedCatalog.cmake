# Puts the YAML files of the catalog and the starters into a C++ source: foretoken_embed_catalog(OUTPUT FOLDER), the folder
# that holds scenarios, catalog/ and starters/.
# Run as a script (cmake -P) it writes that source; included it declares the rule.

if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/catalog/*/*.yaml ${FOLDER}/starters/*.yaml)
  list(SORT files)
  set(entries "")
  foreach(path IN LISTS files)
    get_filename_component(folder ${path} DIRECTORY)
    get_filename_component(folder ${folder} NAME)
    get_filename_component(stem ${path} NAME_WLE)  # without the last extension only: Llama-3.1-8B
    file(READ ${FOLDER}/${path} text)
    string(APPEND entries "    {\"${folder}\", \"${stem}\", R\"catalog(${text})catalog\"},\n")
  endforeach()
  file(WRITE ${OUTPUT}.new
"// The files of the catalog and the starters, written by tools/cmake/EmbedCatalog.cmake.
#include \"scenario/embedded_catalog.hpp\"

namespace foretoken {
namespace {

constexpr EmbeddedFile files[] = {
${entries}};

}  // namespace

std::span<const EmbeddedFile> embedded_catalog() { return files; }

}  // namespace foretoken
")
  file(RENAME ${OUTPUT}.new ${OUTPUT})
  return()
endif()

set(FORETOKEN_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(foretoken_embed_catalog output folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/catalog/*/*.yaml ${folder}/starters/*.yaml)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -P ${FORETOKEN_EMBED_SCRIPT}
    DEPENDS ${files} ${FORETOKEN_EMBED_SCRIPT}
    COMMENT "Embedding the catalog"
    VERBATIM)
endfunction()
