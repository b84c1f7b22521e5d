# Real processes together: broker, nodes, CLI. Python and its modules are Debian packages; without them the tests are
# skipped by name. World and helpers: world.py.
#
# A full disk where nothing can be mounted, for test_storage.py.
add_library (enospc SHARED faults/enospc.c)
target_link_libraries (enospc PRIVATE ${CMAKE_DL_LIBS} bugle_flags)
target_compile_options (enospc PRIVATE -fno-sanitize=all)
target_link_options (enospc PRIVATE -fno-sanitize=all)
set_target_properties (enospc PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
# A working directory that does not answer, for test_steps_flow.py.
add_library (hang_chdir SHARED faults/hang_chdir.c)
target_link_libraries (hang_chdir PRIVATE ${CMAKE_DL_LIBS} bugle_flags)
target_compile_options (hang_chdir PRIVATE -fno-sanitize=all)
target_link_options (hang_chdir PRIVATE -fno-sanitize=all)
set_target_properties (hang_chdir PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")

# A disk that forgets what was not synced, for test_no_run_is_lost.py.
add_library (power_loss SHARED faults/power_loss.c)
target_link_libraries (power_loss PRIVATE ${CMAKE_DL_LIBS} bugle_flags)
target_compile_options (power_loss PRIVATE -fno-sanitize=all)
target_link_options (power_loss PRIVATE -fno-sanitize=all)
set_target_properties (power_loss PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")

set (bugle_e2e_tests
    test_jobs test_enlist test_pending test_tokens test_claims test_faults test_init test_cli_forms test_cli_orders test_processes test_storage
    test_explained test_check test_members test_facts test_groups test_broker_backup test_broker_set test_restore)
list (APPEND bugle_e2e_tests test_ops test_quarantine test_versions)
list (APPEND bugle_e2e_tests test_history)
list (APPEND bugle_e2e_tests test_doctor test_defect_many)
list (APPEND bugle_e2e_tests test_node_commands test_local_jobs test_read_only test_proxies test_queue test_no_run_is_lost)
list (APPEND bugle_e2e_tests test_schedule_preview)
list (APPEND bugle_e2e_tests test_dismantle test_ctl_doctor test_restore_unknown)
list (APPEND bugle_e2e_tests test_shared test_job_files)
list (APPEND bugle_e2e_tests test_run test_exec_logs test_exec_retry test_exec_cancel)
list (APPEND bugle_e2e_tests test_steps_account test_steps_cgroup test_steps_files test_steps_flow test_steps_given
    test_steps_limits test_steps_memory test_steps_minute test_steps_misbehave)
list (APPEND bugle_e2e_tests test_node_time test_node_idle test_swarm)
list (REMOVE_DUPLICATES bugle_e2e_tests)
foreach (name ${bugle_e2e_tests})
    add_test (NAME e2e_${name} COMMAND sh -c
        "test -x /usr/bin/python3 || exit 77; /usr/bin/python3 -c 'import zmq, msgpack, nacl, yaml' || exit 77; exec /usr/bin/python3 \"$0\""
        "${CMAKE_CURRENT_SOURCE_DIR}/e2e/${name}.py")
    set_tests_properties (e2e_${name} PROPERTIES LABELS quick TIMEOUT 180 SKIP_RETURN_CODE 77
        ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin;BUGLE_ENOSPC=$<TARGET_FILE:enospc>;BUGLE_HANG_CHDIR=$<TARGET_FILE:hang_chdir>;BUGLE_POWER_LOSS=$<TARGET_FILE:power_loss>")
endforeach ()
# They wait for what a node does only after it was refused for a while, for the minute that a step has to begin and for
# idle processors; the others take more time than the quick suite has.
set_tests_properties (e2e_test_claims e2e_test_restore_unknown e2e_test_steps_minute e2e_test_node_idle
    e2e_test_storage e2e_test_steps_memory e2e_test_steps_limits PROPERTIES LABELS full)

add_test (NAME e2e_no_run_is_lost_for_long COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; /usr/bin/python3 -c 'import zmq, msgpack, nacl, yaml' || exit 77; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_no_run_is_lost.py")
set_tests_properties (e2e_no_run_is_lost_for_long PROPERTIES LABELS full TIMEOUT 900 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin;BUGLE_POWER_LOSS=$<TARGET_FILE:power_loss>;BUGLE_LOSS_SECONDS=20")
