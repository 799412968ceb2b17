# cyr_library(), cyr_program(), cyr_test(), cyr_fuzzer(): one function per kind of target,
# so that a folder's CMakeLists.txt is a list of names.

add_library(cyr_warnings INTERFACE)
target_compile_options(cyr_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough)
if(CYRKIT_WERROR)
  target_compile_options(cyr_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Wrong reports of g++ 12 when it optimizes: std::string's assignments (GCC bug 105651), std::optional (GCC bug 80635).
  # The other warnings that come from the optimizer are shown, but do not stop a build.
  target_compile_options(cyr_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized
    -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=dangling-pointer
    -Wno-error=use-after-free -Wno-error=free-nonheap-object)
endif()

if(CYRKIT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(CYRKIT_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# cyr_library(NAME DEPENDS libs...): every *.cc of the folder. A room links exactly what it may use.
function(cyr_library name)
  cmake_parse_arguments(arg "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} PUBLIC ${arg_DEPENDS} PRIVATE cyr_warnings)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} INTERFACE ${arg_DEPENDS})
  endif()
endfunction()

# cyr_program(NAME [SERVICE] SOURCES files... DEPENDS libs...): tools go to bin/, services to libexec/.
function(cyr_program name)
  cmake_parse_arguments(arg "SERVICE" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_compile_definitions(${name} PRIVATE CYRKIT_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} cyr_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  if(arg_SERVICE)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR})
  else()
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()

# cyr_test(NAME DEPENDS libs...): every *.cc of the folder as one Catch2 program, each case its own CTest entry.
function(cyr_test name)
  cmake_parse_arguments(arg "" "" "DEPENDS;SOURCES" ${ARGN})
  if(arg_SOURCES)
    set(sources ${arg_SOURCES})
  else()
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  endif()
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} cyr_warnings Catch2::Catch2WithMain)
  target_compile_definitions(${name} PRIVATE
    CYRKIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CYRKIT_BINARY_DIR="${PROJECT_BINARY_DIR}")
  catch_discover_tests(${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST)
endfunction()

# cyr_fuzzer(NAME DEPENDS libs...): fuzz_NAME.cc, seeds in corpus/NAME, words in NAME.dict if there are any. With
# CYRKIT_FUZZERS a libFuzzer program; otherwise a program that replays the seeds, in the normal tests. All of them:
# target `fuzzers`.
add_custom_target(fuzzers)
function(cyr_fuzzer name)
  cmake_parse_arguments(arg "" "" "DEPENDS" ${ARGN})
  if(CYRKIT_FUZZERS)
    add_executable(fuzz_${name} fuzz_${name}.cc)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${name} fuzz_${name}.cc "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc")
    add_test(NAME "fuzz corpus: ${name}"
      COMMAND fuzz_${name} "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
    set_tests_properties("fuzz corpus: ${name}" PROPERTIES TIMEOUT 300)
  endif()
  target_link_libraries(fuzz_${name} PRIVATE ${arg_DEPENDS} Boost::filesystem cyr_warnings)
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  add_dependencies(fuzzers fuzz_${name})
endfunction()

# cyr_interop_test(NAME SOURCES files... [DEPENDS libs...] [ARGUMENTS words...]): a test against the real Cyrus. One program
# with a main() of its own whose exit status is the result; 77 means that there is no real Cyrus here (CTest: skipped).
# With CASES each word is one CTest entry that gets the word as its argument. Only the programs of the build are needed.
function(cyr_interop_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPENDS;ARGUMENTS;CASES" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 900)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE test_support ${arg_DEPENDS} cyr_warnings)
  target_compile_definitions(${name} PRIVATE
    CYRKIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CYRKIT_BINARY_DIR="${PROJECT_BINARY_DIR}")
  if(arg_CASES)
    foreach(case ${arg_CASES})
      add_test(NAME "${name}: ${case}" COMMAND ${name} ${arg_ARGUMENTS} ${case})
      set_tests_properties("${name}: ${case}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${arg_TIMEOUT} LABELS interop)
    endforeach()
  else()
    add_test(NAME "${name}" COMMAND ${name} ${arg_ARGUMENTS})
    set_tests_properties("${name}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${arg_TIMEOUT} LABELS interop)
  endif()
endfunction()
