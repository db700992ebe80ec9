# skiff_build_commit(FILE): FILE is a source that defines kBuildCommit (src/main/build_commit.h),
# written whenever git's record of where HEAD has been has grown. As a script it writes the file.
function(skiff_write_commit file commit)
  file(CONFIGURE OUTPUT ${file} @ONLY CONTENT [[
#include "main/build_commit.h"

const std::string_view skiff::kBuildCommit = "@commit@";
]])
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND ${GIT} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  skiff_write_commit(${FILE} "${commit}")
  file(TOUCH ${FILE})
  return()
endif()

find_package(Git QUIET)
function(skiff_build_commit file)
  if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
    execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      OUTPUT_VARIABLE log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(log) # git refuses a tree that is somebody else's
      cmake_path(ABSOLUTE_PATH log BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    endif()
  endif()
  if(log AND EXISTS ${log})
    set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
    add_custom_command(OUTPUT ${file} DEPENDS ${log} ${script} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DFILE=${file} -P ${script})
  else()
    skiff_write_commit(${file} "")
  endif()
endfunction()
