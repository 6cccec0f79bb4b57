# Bundles the scripts of pages and puts each into a C++ source: foretoken_embed_page_script(TARGET FOLDER [FUNCTION HEADER]),
# a function that gives the text, by default page_script() of report/page/page.hpp. The report's folder names the packages
# that all of them may use; another folder's script uses what the report's leaves in `foretokenPage`.
# Run as a script (cmake -P) it fetches the packages of package-lock.json, bundles and writes that source; included it
# declares the rule. Without node, npm or their registry the source says so, and pages have still pictures.

if(CMAKE_SCRIPT_MODE_FILE)
  set(head "// A script of a page, written by tools/cmake/EmbedPageScript.cmake.
#include <string>

#include \"foretoken/report/picture.hpp\"
#include \"${HEADER}\"

namespace foretoken {
")
  # The last thing that went wrong, in words that fit behind a colon.
  set(reason "")
  set(modules ${PACKAGES}/node_modules)
  if(NOT NODE OR NOT NPM)
    set(reason "this program was built without node and npm")
  elseif(EXISTS ${FOLDER}/package-lock.json)
    file(SHA256 ${FOLDER}/package-lock.json lock)
    set(installed "")
    if(EXISTS ${modules}/.foretoken-lock)
      file(READ ${modules}/.foretoken-lock installed)
    endif()
    if(NOT installed STREQUAL lock)
      file(MAKE_DIRECTORY ${WORK})
      file(COPY ${FOLDER}/package.json ${FOLDER}/package-lock.json DESTINATION ${WORK})
      execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline WORKING_DIRECTORY ${WORK}
        TIMEOUT 180 RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
      if(failed)
        set(reason "npm could not fetch the packages of its page when this program was built")
        message(WARNING "npm ci failed (${failed}): reports will have still pictures, and there will be no studio. "
          "Configure again to try again.\n${said}")
      else()
        file(WRITE ${modules}/.foretoken-lock ${lock})
      endif()
    endif()
  endif()
  if(reason STREQUAL "" AND NOT EXISTS ${modules}/.foretoken-lock)
    set(reason "its packages could not be fetched")
  endif()
  if(reason STREQUAL "")
    file(GLOB sources ${FOLDER}/*.js)
    # Beside the packages, so that the imports find them.
    file(COPY ${sources} DESTINATION ${WORK})
    execute_process(COMMAND ${NODE} ${modules}/esbuild/bin/esbuild main.js --bundle --minify --format=iife
        --global-name=${GLOBAL} --target=es2020 --charset=ascii --legal-comments=none --log-level=warning --outfile=page.js
      WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed ERROR_VARIABLE said)
    if(failed)
      message(FATAL_ERROR "A page's script cannot be bundled:\n${said}")
    endif()
    file(READ ${WORK}/page.js script)
    if(EXISTS ${FOLDER}/package-lock.json)
      file(READ ${modules}/echarts/NOTICE notice)
      file(READ ${modules}/zrender/LICENSE licence)
      set(script "/*\n${notice}\nApache License 2.0: http://www.apache.org/licenses/LICENSE-2.0\n\nZRender\n${licence}*/\n${script}")
    endif()
    # A compiler need not take longer literals than 64 KiB.
    string(LENGTH "${script}" length)
    set(parts "")
    set(at 0)
    while(at LESS length)
      string(SUBSTRING "${script}" ${at} 60000 part)
      string(APPEND parts "    R\"foretoken(${part})foretoken\",\n")
      math(EXPR at "${at} + 60000")
    endwhile()
    set(body "namespace {

constexpr std::string_view kPageScript[] = {
${parts}};

}  // namespace

std::string_view ${FUNCTION}() {
  static const std::string whole = [] {
    std::string text;
    for (const std::string_view part : kPageScript) text += part;
    return text;
  }();
  return whole;
}
")
  else()
    set(body "
std::string_view ${FUNCTION}() {
  return {};
}
")
  endif()
  if(FUNCTION STREQUAL page_script)
    string(APPEND body "
std::string_view why_charts_stand_still() {
  return \"${reason}\";
}
")
  endif()
  file(WRITE ${OUTPUT}.new "${head}${body}\n}  // namespace foretoken\n")
  file(RENAME ${OUTPUT}.new ${OUTPUT})
  return()
endif()

set(FORETOKEN_PAGE_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(foretoken_embed_page_script target folder)
  set(function page_script)
  set(header report/page/page.hpp)
  if(ARGC GREATER 2)
    set(function ${ARGV2})
    set(header ${ARGV3})
  endif()
  find_program(FORETOKEN_NODE NAMES node nodejs)
  find_program(FORETOKEN_NPM npm)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  set(packages ${CMAKE_CURRENT_BINARY_DIR}/web)
  set(after "")
  set(global foretokenPage)
  if(EXISTS ${folder}/package-lock.json)
    if(NOT FORETOKEN_NODE OR NOT FORETOKEN_NPM)
      message(STATUS "No node or no npm: pages of --report will have still pictures, without zoom, and there will be no "
        "`foretoken studio` (install nodejs and npm)")
    endif()
    set_property(GLOBAL PROPERTY FORETOKEN_PAGE_PACKAGES ${packages})
    set_property(GLOBAL PROPERTY FORETOKEN_PAGE_OUTPUT ${output})
  else()
    get_property(packages GLOBAL PROPERTY FORETOKEN_PAGE_PACKAGES)
    get_property(after GLOBAL PROPERTY FORETOKEN_PAGE_OUTPUT)  # when the packages are there
    set(global foretokenStudio)
  endif()
  # What an earlier build could not have is tried again.
  if(EXISTS ${output})
    file(READ ${output} written)
    string(FIND "${written}" "kPageScript" found)
    if(found LESS 0 AND FORETOKEN_NODE AND FORETOKEN_NPM)
      file(REMOVE ${output})
    endif()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.js ${folder}/package*.json)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/web -DPACKAGES=${packages}
      -DOUTPUT=${output} -DFUNCTION=${function} -DHEADER=${header} -DGLOBAL=${global}
      -DNODE=$<$<BOOL:${FORETOKEN_NODE}>:${FORETOKEN_NODE}> -DNPM=$<$<BOOL:${FORETOKEN_NPM}>:${FORETOKEN_NPM}>
      -P ${FORETOKEN_PAGE_SCRIPT}
    DEPENDS ${sources} ${after} ${FORETOKEN_PAGE_SCRIPT}
    COMMENT "Bundling ${function}"
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
  set_source_files_properties(${output} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
