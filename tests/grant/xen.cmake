# The implementation for real Xen, with the Xen libraries replaced at link time.
if(XENRING_WITH_XEN)
    xenring_test(xen_grant_test
        SOURCES xen_event_channel_test.cpp xen_fake.cpp xen_grant_table_test.cpp xen_open_test.cpp
        LIBS xenring::grant PkgConfig::XENGNTTAB PkgConfig::XENEVTCHN)
endif()
