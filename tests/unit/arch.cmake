# The pure layers stay pure: checked on the finished archives.
set (pure_layers bg_base job_core job_doc proto proto_audience broker_core node_core exec_core)
set (pure_archives "")
foreach (layer ${pure_layers})
    if (TARGET ${layer})
        list (APPEND pure_archives "$<TARGET_FILE:${layer}>")
    endif ()
endforeach ()
add_test (NAME symbols COMMAND "${PROJECT_SOURCE_DIR}/tests/arch/symbols.py" "${CMAKE_NM}"
    "${PROJECT_SOURCE_DIR}/tests/arch/allowed.txt" ${pure_archives})
set_tests_properties (symbols PROPERTIES LABELS quick TIMEOUT 60)
