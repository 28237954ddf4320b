# The trace needs x86-64's single step and code that nothing else has instrumented.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND
   NOT "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_DEBUG}" MATCHES "-fsanitize")
    foreach(level O2 O3)
        xenring_test(ring_single_fetch_${level}
            SOURCES single_fetch_test.cpp single_fetch_steps.cpp access_trace.cpp
            LIBS xenring::ring)
        target_compile_options(ring_single_fetch_${level} PRIVATE -${level})
    endforeach()
else()
    message(STATUS "ring_single_fetch is not built: it needs x86-64 and no sanitizer")
endif()
