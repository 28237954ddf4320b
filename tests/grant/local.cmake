# The stand-in: its semantics in one process.
xenring_test(local_test
    SOURCES local_copy_test.cpp local_death_test.cpp local_events_test.cpp local_fault_test.cpp
            local_grants_test.cpp
    LIBS xenring::grant)
