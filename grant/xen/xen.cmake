# grant/xen/: real Xen through libxengnttab and libxenevtchn. Paths are relative to grant/.
set(XENRING_XEN_SOURCES
    xen/devices.cpp
    xen/event_channel_xen.cpp
    xen/grant_copy_xen.cpp
    xen/grant_table_xen.cpp
    xen/open_xen.cpp
    xen/own_domid.cpp
    xen/store_location.cpp)
