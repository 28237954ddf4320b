# What a compiler or grep can say about the room's headers.
set(check ${CMAKE_CURRENT_SOURCE_DIR}/check_headers.sh)
set(room ${PROJECT_SOURCE_DIR}/ring)
add_test(NAME ring_headers.MemoryOrderIsNamedInOneFile COMMAND ${check} memory_order ${room})
add_test(NAME ring_headers.IncludeOnlyThemselvesAndTheStandardLibrary COMMAND ${check} arrows ${room})
foreach(compiler g++ clang++)
    find_program(found_${compiler} ${compiler})
    if(found_${compiler})
        add_test(NAME ring_headers.CompileFreestandingWith_${compiler}
                 COMMAND ${check} freestanding ${found_${compiler}} ${PROJECT_SOURCE_DIR}/include ${room})
    else()
        message(WARNING "${compiler} not found: ring/ is not checked for -ffreestanding with it")
    endif()
endforeach()
