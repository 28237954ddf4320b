# Reading Asio's and GoogleTest's headers takes longer than compiling most of our files. With
# XENRING_PRECOMPILE they are read once for all targets of a kind. Clang-tidy's preset leaves it off,
# so that a file which forgets an #include is still found.
option(XENRING_PRECOMPILE "Precompile the headers of Asio and GoogleTest" OFF)

set(XENRING_ASIO_HEADERS
    <boost/asio/any_completion_handler.hpp> <boost/asio/any_io_executor.hpp>
    <boost/asio/async_result.hpp> <boost/asio/bind_executor.hpp>
    <boost/asio/posix/stream_descriptor.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>)

# xenring_precompile(TARGET header...): for the target's C++ files.
function(xenring_precompile target)
    if(XENRING_PRECOMPILE)
        string(REPLACE ">" "$<ANGLE-R>" headers "${ARGN}")
        target_precompile_headers(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${headers}>")
    endif()
endfunction()

# xenring_precompiled_as(TARGET OTHER): what was precompiled for the other, which has the same flags.
function(xenring_precompiled_as target other)
    if(XENRING_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM ${other})
    endif()
endfunction()
