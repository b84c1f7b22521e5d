# The broker's store on SQLite.
foreach (name store store_runs)
    bugle_test (test_broker_${name} SOURCES unit/test_broker_${name}.c unit/store_case.c MAY_USE broker_store broker_memory)
endforeach ()
# Parts that do what their arguments say, under a real keeper.
add_executable (part_helper unit/part_helper.c)
target_link_libraries (part_helper PRIVATE bg_sys bugle_flags)
bugle_test (test_parts SOURCES unit/test_parts.c MAY_USE bg_sys)
add_dependencies (test_parts part_helper)
target_compile_definitions (test_parts PRIVATE PART_HELPER="$<TARGET_FILE:part_helper>")
# The node's connections; see net.cmake for the thread sanitizer.
bugle_test (test_node_links SOURCES unit/test_node_links.c unit/net_fixture.c MAY_USE node_net)
set_tests_properties (test_node_links PROPERTIES LABELS "quick;threads"
    ENVIRONMENT_MODIFICATION "TSAN_OPTIONS=string_append::ignore_noninstrumented_modules=1")
bugle_test (test_node_sockets SOURCES unit/test_node_sockets.c MAY_USE node_shell)
bugle_test (test_node_shell SOURCES unit/test_node_shell.c unit/zone_bytes.c MAY_USE node_shell)
bugle_test (test_node_contact SOURCES unit/test_node_contact.c ../node/main/contact.c MAY_USE bg_base bg_sys proto)
