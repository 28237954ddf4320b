# The rings' own code with model/xenring/ring/barrier.hpp in the place of ring/barrier.hpp. Its
# fibers switch stacks, which sanitizers do not follow.
if(NOT "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_DEBUG}" MATCHES "-fsanitize")
    xenring_test(ring_wakeup_model
        SOURCES wakeup_model_test.cpp model/explorer.cpp
        LIBS xenring::ring)
    target_include_directories(ring_wakeup_model BEFORE PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/model)
    target_compile_options(ring_wakeup_model PRIVATE -O2)
endif()
