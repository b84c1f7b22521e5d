# The bare programs: what the libraries do without us, in the shapes of the load lab; see docs/load.md.
add_executable (bugle-bare
    load/bare/board.c
    load/bare/client.c
    load/bare/family.c
    load/bare/main.c
    load/bare/modes.c
    load/bare/rows.c
    load/bare/server.c
    load/bare/store.c)
target_link_libraries (bugle-bare PRIVATE bg_loop bg_sqlite bg_sys bg_base bugle_flags)
add_test (NAME load_bare COMMAND sh -c
    "test -x /usr/bin/python3 || { echo 'SKIP: there is no /usr/bin/python3'; exit 77; }; exec /usr/bin/python3 \"$0\""
    "${CMAKE_CURRENT_SOURCE_DIR}/load/bare/test_bare.py")
set_tests_properties (load_bare PROPERTIES LABELS quick TIMEOUT 60 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin;PYTHONDONTWRITEBYTECODE=1")
