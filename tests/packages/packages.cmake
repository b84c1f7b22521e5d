# Installation: units, accounts, the system's directories, packages, completion, man pages. What needs root or tools that
# are not there is skipped by name.
set (bugle_package_tests
    "test_layout quick 120"
    "test_units quick 120"
    "test_completion quick 120"
    "test_man quick 120"
    "test_round full 300"
    "test_packages full 2400")
foreach (row ${bugle_package_tests})
    separate_arguments (row UNIX_COMMAND "${row}")
    list (GET row 0 name)
    list (GET row 1 label)
    list (GET row 2 timeout)
    add_test (NAME packages_${name} COMMAND sh -c
        "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\""
        "${CMAKE_CURRENT_SOURCE_DIR}/packages/${name}.py")
    set_tests_properties (packages_${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout} SKIP_RETURN_CODE 77
        ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin")
endforeach ()
