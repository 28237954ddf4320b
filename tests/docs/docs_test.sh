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

line_of_readme() { # WORDS: the line of an example that begins with them
    sed -n "s/^    \($1 .*\)/\1/p" "$TREE/README.md"
}

# Runs the README's line, in a tree without a build directory; only to where is said besides.
install_as_the_readme_says() {
    local line each
    line=$(line_of_readme "cmake -B")
    [[ -n $line ]] || fail "README.md does not say any more how to install"
    mkdir "$work/tree"
    for each in "$TREE"/*; do
        [[ ${each##*/} == build ]] || ln -s "$each" "$work/tree/"
    done
    if command -v ccache >/dev/null; then # the tree is somewhere else every time
        export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
    fi
    cmake() {
        local more=()
        [[ $1 != -B ]] || more=(-DCMAKE_INSTALL_PREFIX="$work/usr")
        command cmake "$@" "${more[@]}"
    }
    (cd "$work/tree" && CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) eval "$line") >"$work/readme.log" 2>&1 ||
        fail "not installed by: $line"
    unset -f cmake
    grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=RelWithDebInfo$' "$work/tree/build/CMakeCache.txt" ||
        fail "what is installed is not optimised"
    "$work/usr/bin/xenring" --version >/dev/null || fail "the command is not installed"
}

readme_names_the_packages() {
    local needed each
    needed=$(sed -n '/^build_packages=(/,/)$/p' "$TREE/dev" | tr -d '()\n' | sed 's/^build_packages=//')
    [[ -n $needed ]] || fail "./dev does not say any more what a build needs"
    for each in ${needed/ninja-build/make}; do
        [[ " $(line_of_readme "apt install") " == *" $each "* ]] || fail "README.md does not name $each"
    done
}

without_googletest_the_tests_are_left_out() {
    cmake -S "$TREE" -B "$work/bare" -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON \
        >"$work/bare.log" 2>&1 || fail "it cannot be configured without GoogleTest"
    expect_said "$work/bare.log" "GoogleTest is missing"
    [[ ! -e $work/bare/tests && ! -e $work/bare/CTestTestfile.cmake ]] || fail "there are tests"
}

installed_package_builds_a_program() {
    install_as_the_readme_says
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
