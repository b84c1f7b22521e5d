# What the broker's history costs when it is large; see docs/performance.md. The test is about what it does, not its times.
add_executable (history_bench load/history/main.c load/history/bench.c load/history/load.c
    load/history/questions.c load/history/removal.c load/history/sizes.c)
target_link_libraries (history_bench PRIVATE broker_store bg_sqlite proto bg_base PkgConfig::SQLITE bugle_flags)
set_target_properties (history_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME history_bench COMMAND history_bench --dir "${CMAKE_BINARY_DIR}/tests" --rows 60000 --jobs 20
    --targets 500 --questions 5)
set_tests_properties (history_bench PROPERTIES LABELS quick TIMEOUT 60)
