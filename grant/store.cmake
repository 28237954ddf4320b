# The store: our client, and the stand-in's server.
set(XENRING_STORE_SOURCES
    store.cpp
    store_async.cpp
    store_client.cpp
    store_client_async.cpp
    store_permissions.cpp
    store_pipe.cpp
    store_transaction.cpp
    store_watch.cpp
    store_wire.cpp)
