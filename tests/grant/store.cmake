xenring_test(store_test
    SOURCES store_wire_test.cpp store_client_test.cpp store_watch_test.cpp
            store_transaction_test.cpp store_server_test.cpp store_device_test.cpp store_listener_test.cpp
            store_tools_test.cpp
    LIBS xenring::grant
    LABELS tsan)
xenring_precompiled_as(store_test grant_test)
