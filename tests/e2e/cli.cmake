# The CLI's own commands with a real broker and nodes; jobs and executions are test_jobs.py.
add_test (NAME test_cli COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_cli.py")
set_tests_properties (test_cli PROPERTIES LABELS quick TIMEOUT 180 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=$<TARGET_FILE_DIR:bugle>")
