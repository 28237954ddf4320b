# The stand-in: its semantics in one process, then across processes.
xenring_test(local_test
    SOURCES local_copy_test.cpp local_death_test.cpp local_events_test.cpp local_fault_test.cpp
            local_grants_test.cpp
    LIBS xenring::grant)

add_executable(local_peer local_peer_main.cpp)
target_link_libraries(local_peer PRIVATE xenring::grant)
xenring_test(local_server_test
    SOURCES local_lifetime_test.cpp local_server_test.cpp
    LIBS xenring::grant)
target_compile_definitions(local_server_test PRIVATE LOCAL_PEER="$<TARGET_FILE:local_peer>")
add_dependencies(local_server_test local_peer)
xenring_precompiled_as(local_test grant_test)
