# What one question to a schedule costs; build/tests/schedule_bench prints the table of docs/performance.md.
add_executable (schedule_bench load/schedule_bench.c)
target_link_libraries (schedule_bench PRIVATE job_core bg_base bugle_flags)
set_target_properties (schedule_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME schedule_bench COMMAND schedule_bench 2001)
set_tests_properties (schedule_bench PROPERTIES LABELS quick TIMEOUT 60)
