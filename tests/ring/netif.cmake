# The network device's wire formats and packet rules.
xenring_test(ring_netif_test
    SOURCES
        netif_wire_test.cpp
        netif_tx_parser_test.cpp
        netif_tx_hostile_test.cpp
        netif_tx_builder_test.cpp
        netif_rx_builder_test.cpp
        netif_rx_parser_test.cpp
        netif_hash_test.cpp
        netif_control_test.cpp
        netif_model_test.cpp
        netif_round_trip_test.cpp
    LIBS xenring::ring)
xenring_precompiled_as(ring_netif_test ring_test)
