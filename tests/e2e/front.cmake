# The broker's processes, and hostile peers on its sockets. Python and pyzmq are Debian packages; without them the tests
# are skipped by name.
add_executable (make_broker e2e/make_broker.c)
target_link_libraries (make_broker PRIVATE broker_home bg_sys bg_base bugle_flags)
set_target_properties (make_broker PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
# A full disk where nothing can be mounted.
add_library (full_store SHARED e2e/full_store.c)
target_link_libraries (full_store PRIVATE ${CMAKE_DL_LIBS} bugle_flags)
target_compile_options (full_store PRIVATE -fno-sanitize=all)
target_link_options (full_store PRIVATE -fno-sanitize=all)
set_target_properties (full_store PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
foreach (script e2e/test_broker_process hostile/test_front_hostile)
    get_filename_component (name ${script} NAME)
    add_test (NAME ${name} COMMAND sh -c
        "test -x /usr/bin/python3 || exit 77; /usr/bin/python3 -c 'import zmq, msgpack, nacl' || exit 77; exec /usr/bin/python3 \"$0\" \"$1\" \"$2\" \"$3\""
        "${CMAKE_CURRENT_SOURCE_DIR}/${script}.py" "$<TARGET_FILE:bugle-broker>" "$<TARGET_FILE:make_broker>"
        "$<TARGET_FILE:full_store>")
    set_tests_properties (${name} PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77)
endforeach ()
