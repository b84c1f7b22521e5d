foreach (name flow tokens)
    bugle_test (test_job_${name} SOURCES unit/test_job_${name}.c MAY_USE job_core bg_base)
endforeach ()
bugle_test (test_job_body SOURCES unit/test_job_body.c MAY_USE job_doc proto job_core bg_base)
bugle_test (test_job_yaml SOURCES unit/test_job_yaml.c MAY_USE job_yaml job_doc proto bg_conf bg_base)
foreach (name forms shared)
    bugle_test (test_job_yaml_${name} SOURCES unit/test_job_yaml_${name}.c unit/job_yaml_reading.c
        MAY_USE job_yaml job_doc job_core proto bg_conf bg_base)
endforeach ()
# The table of keys, and the pages and tests that it names.
bugle_test (test_job_fields SOURCES unit/test_job_fields.c unit/job_yaml_open.c
    MAY_USE job_yaml job_doc job_core proto bg_conf bg_sys bg_base)
target_compile_definitions (test_job_fields PRIVATE BUGLE_SOURCE="${PROJECT_SOURCE_DIR}")
# The fuzz target's property over random jobs and mutated files.
bugle_test (test_job_yaml_random SOURCES unit/test_job_yaml_random.c fuzz/fuzz_job_yaml.c unit/job_yaml_open.c
    MAY_USE job_yaml job_doc proto bg_conf bg_base)
if (BUGLE_FUZZ)
    add_executable (fuzz_job_yaml fuzz/fuzz_job_yaml.c unit/job_yaml_open.c)
    target_compile_options (fuzz_job_yaml PRIVATE -fsanitize=fuzzer)
    target_link_options (fuzz_job_yaml PRIVATE -fsanitize=fuzzer)
    target_link_libraries (fuzz_job_yaml PRIVATE job_yaml job_doc proto bg_conf bg_base bugle_flags)
endif ()
