# How every folder of src/ is built: one static library a folder, its *_test.cpp
# one test program a folder.

add_library(skiff_options INTERFACE)
target_compile_options(skiff_options INTERFACE
  -Wall -Wextra -Werror -Wno-missing-field-initializers -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -fno-omit-frame-pointer -ffunction-sections -fdata-sections -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_include_directories(skiff_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(skiff_options INTERFACE _GNU_SOURCE SKIFF_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside libstdc++ at -O2.
  target_compile_options(skiff_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict
    -Wno-array-bounds -Wno-stringop-overflow -Wno-dangling-pointer
    $<$<CONFIG:Release>:-Wno-stringop-overread>)
  # ccache tells by it what a precompiled header stands for.
  target_compile_options(skiff_options INTERFACE -fpch-preprocess)
  # Of sources compiled as one, a local name may be that of another's constant, and the one that
  # is compiled counts as a header.
  if(SKIFF_UNITY)
    target_compile_options(skiff_options INTERFACE -Wshadow=local -Wno-subobject-linkage)
  else()
    target_compile_options(skiff_options INTERFACE -Wshadow)
  endif()
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 uses what is deprecated; of our own uses g++ warns.
  target_compile_options(skiff_options INTERFACE -Wno-deprecated-declarations)
endif()
if(SKIFF_SANITIZE)
  target_compile_options(skiff_options INTERFACE -fsanitize=${SKIFF_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(skiff_options INTERFACE -fsanitize=${SKIFF_SANITIZE})
  # The name by which g++ tells it, for sources that ask.
  if(SKIFF_SANITIZE MATCHES address AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    target_compile_definitions(skiff_options INTERFACE __SANITIZE_ADDRESS__)
  endif()
endif()
find_program(SKIFF_MOLD mold)
if(SKIFF_MOLD)
  target_link_options(skiff_options INTERFACE -fuse-ld=mold)
endif()
# Functions that a program does not need are left out, also where their file's others are.
target_link_options(skiff_options INTERFACE -Wl,--as-needed -Wl,--gc-sections)

# The standard headers that nearly every file includes, compiled once: a third of the build's
# CPU time. Files include what they use all the same, so that each also compiles without.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/standard_headers.cpp CONTENT "")
add_library(skiff_standard_headers OBJECT ${CMAKE_BINARY_DIR}/standard_headers.cpp)
target_link_libraries(skiff_standard_headers PRIVATE skiff_options)
set(skiff_headers
  <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <cstring> <expected> <filesystem>
  <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <variant> <vector>)
target_precompile_headers(skiff_standard_headers PRIVATE ${skiff_headers})

# The same for tests, which are compiled without optimization: half the CPU time of a test's
# source, and what is tested is optimized as ever.
if(SKIFF_TESTS)
  add_library(skiff_test_headers OBJECT ${CMAKE_BINARY_DIR}/standard_headers.cpp)
  target_compile_options(skiff_test_headers PRIVATE -O0)
  target_link_libraries(skiff_test_headers PRIVATE skiff_options GTest::gtest rapidcheck)
  target_precompile_headers(skiff_test_headers PRIVATE ${skiff_headers} <gtest/gtest.h>)
endif()

# Sources of a folder that are compiled as one, with SKIFF_UNITY. The names of a folder's files
# differ, also those that no other file sees.
function(skiff_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SKIFF_UNITY} UNITY_BUILD_BATCH_SIZE 16)
endfunction()

# skiff_layer(NAME [DEPS layer...] [LIBRARIES library...])
#   The library skiff_NAME of all *.cpp here, on the layers DEPS (visible to users)
#   and the system LIBRARIES; and the test program NAME_tests of all *_test.cpp.
function(skiff_layer name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cpp)
  list(REMOVE_ITEM sources ${tests})
  list(TRANSFORM ARG_DEPS PREPEND skiff_)
  if(sources)
    add_library(skiff_${name} STATIC ${sources})
    target_link_libraries(skiff_${name} PUBLIC skiff_options ${ARG_DEPS} PRIVATE ${ARG_LIBRARIES})
  else()
    add_library(skiff_${name} INTERFACE)
    target_link_libraries(skiff_${name} INTERFACE skiff_options ${ARG_DEPS} ${ARG_LIBRARIES})
  endif()
  if(sources)
    target_precompile_headers(skiff_${name} REUSE_FROM skiff_standard_headers)
    skiff_compile_together(skiff_${name})
  endif()
  if(SKIFF_TESTS AND tests)
    add_executable(${name}_tests ${tests})
    target_compile_options(${name}_tests PRIVATE -O0)
    target_precompile_headers(${name}_tests REUSE_FROM skiff_test_headers)
    skiff_compile_together(${name}_tests)
    set_target_properties(${name}_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${name}_tests PRIVATE skiff_${name} ${ARG_LIBRARIES} GTest::gtest_main rapidcheck)
    add_test(NAME ${name} COMMAND ${name}_tests WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
