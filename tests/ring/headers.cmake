# What a compiler and grep can say about headers.
set(check ${CMAKE_CURRENT_SOURCE_DIR}/check_headers.sh)
set(room ${PROJECT_SOURCE_DIR}/ring)
add_test(NAME rooms.ArrowsPointDownAndOneFileNamesMemoryOrders
         COMMAND ${PROJECT_SOURCE_DIR}/cmake/check-arrows)
add_test(NAME rooms.ArrowsThatPointUpAreFound
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/arrows_test.sh ${PROJECT_SOURCE_DIR})
foreach(compiler g++ clang++)
    find_program(found_${compiler} ${compiler})
    if(found_${compiler})
        add_test(NAME ring_headers.CompileFreestandingWith_${compiler}
                 COMMAND ${check} freestanding ${found_${compiler}} ${PROJECT_SOURCE_DIR}/include ${room})
    else()
        message(WARNING "${compiler} not found: ring/ is not checked for -ffreestanding with it")
    endif()
endforeach()
