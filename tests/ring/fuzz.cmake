# The vchan control page as a fuzz target. Every build feeds it pages of its own making; with
# XENRING_FUZZ and clang there is a fuzzer too: build/.../tests/ring/vchan_page_fuzzer [CORPUS].
option(XENRING_FUZZ "Build fuzzers (clang)" OFF)

xenring_test(vchan_page_fuzz_test
    SOURCES vchan_page_fuzz.cpp vchan_page_fuzz_test.cpp
    LIBS xenring::ring)

if(XENRING_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "XENRING_FUZZ needs clang: -DCMAKE_CXX_COMPILER=clang++")
    endif()
    add_executable(vchan_page_fuzzer vchan_page_fuzz.cpp)
    target_link_libraries(vchan_page_fuzzer PRIVATE xenring::ring)
    target_compile_options(vchan_page_fuzzer PRIVATE -g -O1 -fsanitize=fuzzer,address,undefined
        -fno-sanitize-recover=all)
    target_link_options(vchan_page_fuzzer PRIVATE -fsanitize=fuzzer,address,undefined)
    add_test(NAME vchan_page_fuzzer.FindsNothingInABriefRun
             COMMAND vchan_page_fuzzer -seed=1 -runs=200000 -max_len=512)
    set_tests_properties(vchan_page_fuzzer.FindsNothingInABriefRun PROPERTIES TIMEOUT 300)
endif()
