# Two threads; under ThreadSanitizer in the tsan preset. `ctest -C nightly` adds the long run.
add_executable(ring_stress ring_stress.cpp)
target_link_libraries(ring_stress PRIVATE xenring::ring Threads::Threads)
target_compile_options(ring_stress PRIVATE -O2)
add_test(NAME ring_stress.TwoThreadsLoseNothing COMMAND ring_stress 2000000)
set_tests_properties(ring_stress.TwoThreadsLoseNothing PROPERTIES TIMEOUT 300 LABELS tsan)
add_dependencies(xenring_tsan_tests ring_stress)
add_test(NAME ring_stress.TwoThreadsLoseNothingInABillionOperations
         COMMAND ring_stress 1000000000 CONFIGURATIONS nightly)
set_tests_properties(ring_stress.TwoThreadsLoseNothingInABillionOperations
                     PROPERTIES TIMEOUT 36000 LABELS nightly)
