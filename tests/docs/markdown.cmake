# The examples of the documents, run from the Markdown itself. What cannot run here is skipped by the runner with the reason.
set (bugle_run_markdown "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\" \"$@\"")
foreach (page readme:README.md operations:docs/operations.md troubleshooting:docs/troubleshooting.md)
    string (REPLACE ":" ";" page "${page}")
    list (GET page 0 name)
    list (GET page 1 path)
    # A page that has no example yet has nothing that could be run.
    set_property (DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${path}")
    set (examples "")
    if (EXISTS "${PROJECT_SOURCE_DIR}/${path}")
        file (STRINGS "${PROJECT_SOURCE_DIR}/${path}" examples REGEX "^```console")
    endif ()
    if (NOT examples)
        continue ()
    endif ()
    add_test (NAME doc_${name} COMMAND sh -c "${bugle_run_markdown}"
        "${CMAKE_CURRENT_SOURCE_DIR}/docs/run_markdown.py" "${PROJECT_SOURCE_DIR}/${path}")
    set_tests_properties (doc_${name} PROPERTIES LABELS quick TIMEOUT 300 SKIP_RETURN_CODE 77
        ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin")
endforeach ()
# A fresh installation from the packages, followed by the README.
add_test (NAME doc_readme_packages COMMAND sh -c "${bugle_run_markdown}"
    "${CMAKE_CURRENT_SOURCE_DIR}/docs/run_markdown.py" --packages --section "Ten machines" "${PROJECT_SOURCE_DIR}/README.md")
set_tests_properties (doc_readme_packages PROPERTIES LABELS full TIMEOUT 1800 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin")
add_test (NAME test_run_markdown COMMAND sh -c "${bugle_run_markdown}"
    "${CMAKE_CURRENT_SOURCE_DIR}/docs/test_run_markdown.py")
set_tests_properties (test_run_markdown PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin")
