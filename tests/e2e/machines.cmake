# A broker and ten targets on machines of their own (machines.py); homes on the loopback address where those cannot be made.
add_test (NAME e2e_test_ten_machines COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_ten_machines.py")
set_tests_properties (e2e_test_ten_machines PROPERTIES LABELS quick TIMEOUT 180 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin")
