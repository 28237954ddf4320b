xenring_test(ring_xenbus_test
    SOURCES xenbus_state_test.cpp xenbus_backend_test.cpp xenbus_frontend_test.cpp
    LIBS xenring::ring)
