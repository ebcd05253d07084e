# Flags every target of ours gets; third-party targets never see them.
add_library(ocellus_flags INTERFACE)
target_compile_options(ocellus_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Wundef -Wimplicit-fallthrough -fno-omit-frame-pointer
  $<$<BOOL:${OCELLUS_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_include_directories(ocellus_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(OCELLUS_SANITIZE)
  target_compile_options(ocellus_flags INTERFACE -fsanitize=${OCELLUS_SANITIZE} -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # gcc warns of its own instrumented code
  target_link_options(ocellus_flags INTERFACE -fsanitize=${OCELLUS_SANITIZE})
endif()

# ocellus_module(name SOURCES a.cc ... TESTS a_test.cc ... DEPS module ... LIBS target ...)
# One static library and one test binary (GoogleTest) per folder of src/. DEPS are modules of ours;
# LIBS are third-party targets, which stay private: no other module sees their headers.
function(ocellus_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;TESTS;DEPS;LIBS")
  list(TRANSFORM arg_DEPS PREPEND ocellus_)
  if(arg_SOURCES)
    add_library(ocellus_${name} STATIC ${arg_SOURCES})
    target_link_libraries(ocellus_${name} PUBLIC ocellus_flags ${arg_DEPS} PRIVATE ${arg_LIBS})
  else()
    add_library(ocellus_${name} INTERFACE)
    target_link_libraries(ocellus_${name} INTERFACE ocellus_flags ${arg_DEPS})
  endif()
  if(arg_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    target_link_libraries(${name}_test PRIVATE ocellus_${name} ${arg_LIBS} GTest::gtest_main GTest::gmock)
    add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS unit)
  endif()
endfunction()
