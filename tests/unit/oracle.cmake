# Calendars from iCalendar files: through the program that reads them, and its rules against python3-dateutil.
bugle_test (test_ctl_ics SOURCES unit/test_ctl_ics.c MAY_USE ctl_views)
bugle_test (test_ctl_ics_time SOURCES unit/test_ctl_ics_time.c MAY_USE ctl_views LABEL full)
foreach (name test_ctl_ics test_ctl_ics_time)
    add_dependencies (${name} bugle-ics)
    set_tests_properties (${name} PROPERTIES
        ENVIRONMENT_MODIFICATION "PATH=path_list_prepend:${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endforeach ()
set (bugle_ics_rules "${CMAKE_CURRENT_SOURCE_DIR}/oracle/ics_rules.py" $<TARGET_FILE:bugle-ics>)
add_test (NAME ics_rules COMMAND ${bugle_ics_rules})
set_tests_properties (ics_rules PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77)
add_test (NAME ics_rules_many COMMAND ${bugle_ics_rules} --count 3000)
set_tests_properties (ics_rules_many PROPERTIES LABELS full TIMEOUT 900 SKIP_RETURN_CODE 77)

# Schedules in all forms against their oracles: docs/reference/schedule-oracles.md.
add_executable (schedule_driver oracle/driver.c)
target_include_directories (schedule_driver PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries (schedule_driver PRIVATE job_core bg_base bugle_flags)
set_target_properties (schedule_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
set (bugle_schedules "${CMAKE_CURRENT_SOURCE_DIR}/oracle/schedules.py" $<TARGET_FILE:schedule_driver>)
add_test (NAME schedule_oracles COMMAND ${bugle_schedules} --count 400)
set_tests_properties (schedule_oracles PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77)
add_test (NAME schedule_oracles_many COMMAND ${bugle_schedules} --count 20000)
add_test (NAME schedule_oracle_zones_many COMMAND /usr/bin/python3 "${CMAKE_CURRENT_SOURCE_DIR}/unit/zone_oracle.py"
    $<TARGET_FILE:zone_oracle> --full)
set_tests_properties (schedule_oracles_many schedule_oracle_zones_many PROPERTIES LABELS full TIMEOUT 1800
    SKIP_RETURN_CODE 77)

# iCalendar files, mutated; with BUGLE_FUZZ also under libFuzzer (tests/fuzz/run).
add_executable (corpus_ics fuzz/fuzz_ics.c fuzz/corpus_main.c)
target_link_libraries (corpus_ics PRIVATE ctl_ics bugle_flags)
set_target_properties (corpus_ics PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME corpus_ics COMMAND corpus_ics "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/ics")
set_tests_properties (corpus_ics PROPERTIES LABELS quick TIMEOUT 120)
if (BUGLE_FUZZ)
    add_executable (fuzz_ics fuzz/fuzz_ics.c)
    target_link_libraries (fuzz_ics PRIVATE ctl_ics bugle_flags)
    target_compile_options (fuzz_ics PRIVATE -fsanitize=fuzzer)
    target_link_options (fuzz_ics PRIVATE -fsanitize=fuzzer)
    set_target_properties (fuzz_ics PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endif ()
