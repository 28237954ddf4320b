xenring_test(ring_xenbus_test
    SOURCES
        xenbus_state_test.cpp xenbus_backend_test.cpp xenbus_frontend_test.cpp
        xenbus_backend_story_test.cpp xenbus_frontend_story_test.cpp
    LIBS xenring::ring)
xenring_test(ring_xenbus_cosimulation
    SOURCES
        xenbus_cosimulation_test.cpp xenbus_linux_test.cpp
        xenbus_exploration.cpp xenbus_world.cpp xenbus_world_actions.cpp xenbus_linux.cpp
    LIBS xenring::ring)
xenring_precompiled_as(ring_xenbus_test ring_test)
xenring_precompiled_as(ring_xenbus_cosimulation ring_test)
