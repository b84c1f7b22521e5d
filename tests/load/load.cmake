# What one question to a schedule costs; build/tests/schedule_bench prints the table of docs/performance.md.
add_executable (schedule_bench load/schedule_bench.c)
target_link_libraries (schedule_bench PRIVATE job_core bg_base bugle_flags)
set_target_properties (schedule_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME schedule_bench COMMAND schedule_bench 2001)
set_tests_properties (schedule_bench PROPERTIES LABELS quick TIMEOUT 60)

# What an operation costs the broker's core and store for each target; build/tests/core_bench 10000 prints the table of
# docs/performance.md.
add_executable (core_bench load/core_bench/main.c load/core_bench/world.c load/core_bench/documents.c)
target_link_libraries (core_bench PRIVATE broker_core broker_store bugle_flags)
set_target_properties (core_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME core_bench COMMAND core_bench 300 5 "${CMAKE_BINARY_DIR}/tests/core_bench.db")
set_tests_properties (core_bench PROPERTIES LABELS quick TIMEOUT 60)

# The load lab's own logic: goals, report, plots, and that loss is seen. Needs no broker.
add_test (NAME test_lab COMMAND sh -c "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/load/test_lab.py")
set_tests_properties (test_lab PROPERTIES LABELS quick TIMEOUT 60 SKIP_RETURN_CODE 77)

# The lab itself, small: 300 simulated targets, everything delivered, stored once, nothing leaked. No figure counts here.
# Alone, since other tests beside it would make its two minutes longer.
add_test (NAME load_quick COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; /usr/bin/python3 -c 'import zmq, msgpack, nacl' || exit 77; exec /usr/bin/python3 \"$0\" --quick --bin \"$1\""
    "${CMAKE_CURRENT_SOURCE_DIR}/load/run" "${CMAKE_BINARY_DIR}/bin")
set_tests_properties (load_quick PROPERTIES LABELS full TIMEOUT 240 SKIP_RETURN_CODE 77 RUN_SERIAL TRUE)

# And that it would be seen: the lab again, on a store that loses one outcome.
add_test (NAME load_sees_loss COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\"" "${CMAKE_CURRENT_SOURCE_DIR}/load/test_loss.py")
set_tests_properties (load_sees_loss PROPERTIES LABELS full TIMEOUT 120 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin")

# The rows of the peers: how they are judged, without a broker; and in the full suite those that kill nodes and the broker.
add_test (NAME test_peers COMMAND sh -c "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/load/test_peers.py")
set_tests_properties (test_peers PROPERTIES LABELS quick TIMEOUT 60 SKIP_RETURN_CODE 77)
add_test (NAME peers_lose_nothing COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\" --bin \"$1\" --short --rows R9,R11"
    "${CMAKE_CURRENT_SOURCE_DIR}/load/peers" "${CMAKE_BINARY_DIR}/bin")
set_tests_properties (peers_lose_nothing PROPERTIES LABELS full TIMEOUT 120 SKIP_RETURN_CODE 77)

# What a START and a document cost the two cores of a target; build/tests/node_bench prints the table of docs/performance.md.
set (node_bench_fixture unit/node_pair.c unit/exec_fixture.c unit/node_fixture.c unit/node_fixture_broker.c
    unit/node_fixture_enlist.c unit/node_fixture_exec.c unit/node_fixture_ports.c unit/signing_fixture.c)
add_executable (node_bench load/node_bench/main.c ${node_bench_fixture})
target_link_libraries (node_bench PRIVATE node_core node_store node_memory exec_core proto job_core bg_base PkgConfig::CMOCKA
    bugle_flags)
foreach (name node_core_desk node_core_order node_core_exec node_core_before_commit node_memory_commit exec_core_handle
    exec_core_run_file wire_crypto_sodium)
    target_link_options (node_bench PRIVATE "-Wl,--wrap=${name}")
endforeach ()
set_target_properties (node_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME node_bench COMMAND node_bench 50)
set_tests_properties (node_bench PROPERTIES LABELS quick TIMEOUT 60)
