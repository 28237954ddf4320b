# xenring_test(NAME SOURCES a.cpp ... [LIBS target ...] [ARGS word ...] [LABELS label ...] [TIMEOUT s])
#
# A GoogleTest executable NAME whose tests are each a CTest test of their own, found when CTest runs.
# The label tsan says that it is worth running under ThreadSanitizer; target xenring_tsan_tests
# builds all of those.
find_package(GTest REQUIRED)
include(GoogleTest)
add_custom_target(xenring_tsan_tests)

function(xenring_test name)
    cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LIBS;ARGS;LABELS" ${ARGN})
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 120)
    endif()
    add_executable(${name} ${TEST_SOURCES})
    target_link_libraries(${name} PRIVATE ${TEST_LIBS} GTest::gtest_main)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    if("tsan" IN_LIST TEST_LABELS)
        add_dependencies(xenring_tsan_tests ${name})
    endif()
    gtest_discover_tests(${name}
        TEST_PREFIX "${name}." EXTRA_ARGS ${TEST_ARGS} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
        PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()
