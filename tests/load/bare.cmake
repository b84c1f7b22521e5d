# The bare programs, tried with twenty targets.
add_test (NAME load_bare COMMAND sh -c
    "test -x /usr/bin/python3 || { echo 'SKIP: there is no /usr/bin/python3'; exit 77; }; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/load/bare/test_bare.py")
set_tests_properties (load_bare PROPERTIES LABELS quick TIMEOUT 60 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin;PYTHONDONTWRITEBYTECODE=1")
