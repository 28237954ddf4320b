#!/usr/bin/env bash
# The README's example runs, and what is installed is enough to build it: docs_test.sh NAME.
source "$(dirname "$0")/../tools/stand_in.sh"

answered() { # PROGRAM
    (domain 1 vchan listen 2 echo <"$work/pipe" >"$work/pipe" 2>"$work/server.log") &
    local server=$!
    eventually "announced" announced 1 2 echo
    [[ $(XENRING_DOMID=2 "$1") == hello ]] || fail "the example was not answered"
    expect_status $server 0 "server"
}

readme_example_is_answered() {
    mkfifo "$work/pipe" # what the listener gets goes back to its own input
    exec 3<>"$work/pipe"
    answered "$EXAMPLE"
}

installed_package_builds_a_program() {
    cmake --install "$BUILD" --prefix "$work/usr" >"$work/install.log"
    mkdir "$work/user"
    cp "$SOURCE" "$work/user/program.cpp"
    cat >"$work/user/CMakeLists.txt" <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(user CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(xenring REQUIRED)
add_executable(program program.cpp)
target_link_libraries(program PRIVATE xenring::xenring)
TEXT
    cmake -S "$work/user" -B "$work/user/build" -DCMAKE_PREFIX_PATH="$work/usr" \
        >"$work/configure.log" 2>&1 || fail "the installed package cannot be found"
    cmake --build "$work/user/build" >"$work/build.log" 2>&1 || fail "a program cannot be built"
    mkfifo "$work/pipe"
    exec 3<>"$work/pipe"
    answered "$work/user/build/program"

    local flags
    flags=$(PKG_CONFIG_PATH=$(dirname "$(find "$work/usr" -name xenring.pc)") \
        pkg-config --cflags --libs --static xenring)
    c++ -std=c++20 -o "$work/user/by-pkg-config" "$work/user/program.cpp" $flags ||
        fail "pkg-config's flags do not build it"
}

run_named_test "$@"
