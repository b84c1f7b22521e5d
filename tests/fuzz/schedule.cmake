# Zone files, mutated, and random schedules; with BUGLE_FUZZ also under libFuzzer (tests/fuzz/run).
add_executable (corpus_zone fuzz/fuzz_zone.c fuzz/corpus_main.c)
target_link_libraries (corpus_zone PRIVATE job_core bg_base bugle_flags)
set_target_properties (corpus_zone PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME corpus_zone COMMAND sh -c
    "test -f /usr/share/zoneinfo/Pacific/Apia || exit 77; mkdir -p \"$1\"; cd /usr/share/zoneinfo &&
    cp Europe/Dublin Pacific/Apia \"$1\" && exec \"$0\" \"$1\""
    "$<TARGET_FILE:corpus_zone>" "${CMAKE_CURRENT_BINARY_DIR}/seeds_zone")
set_tests_properties (corpus_zone PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77)
bugle_test (test_schedule_random SOURCES unit/test_schedule_random.c fuzz/fuzz_schedule.c
    MAY_USE job_doc job_core proto bg_base)
if (BUGLE_FUZZ)
    foreach (target zone schedule)
        add_executable (fuzz_${target} fuzz/fuzz_${target}.c)
        target_link_libraries (fuzz_${target} PRIVATE job_doc job_core proto bg_base bugle_flags)
        target_compile_options (fuzz_${target} PRIVATE -fsanitize=fuzzer)
        target_link_options (fuzz_${target} PRIVATE -fsanitize=fuzzer)
        set_target_properties (fuzz_${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    endforeach ()
endif ()
