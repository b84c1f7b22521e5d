# Fuzz targets of the protocol. Their corpus is made from the examples and runs as a plain test everywhere; with
# BUGLE_FUZZ the targets are also built with libFuzzer: build/fuzz/tests/fuzz_decode CORPUS_DIR.
add_executable (make_corpus fuzz/make_corpus.c)
target_link_libraries (make_corpus PRIVATE wire_examples bugle_flags)

foreach (target guard decode)
    set (corpus "${CMAKE_CURRENT_BINARY_DIR}/seeds_${target}")
    add_executable (corpus_${target} fuzz/fuzz_${target}.c fuzz/corpus_main.c)
    target_link_libraries (corpus_${target} PRIVATE proto PkgConfig::MSGPACK bugle_flags)
    add_test (NAME make_corpus_${target} COMMAND make_corpus ${target} "${corpus}")
    add_test (NAME corpus_${target} COMMAND corpus_${target} "${corpus}")
    set_tests_properties (make_corpus_${target} PROPERTIES LABELS quick TIMEOUT 60 FIXTURES_SETUP corpus_${target})
    set_tests_properties (corpus_${target} PROPERTIES LABELS quick TIMEOUT 120 FIXTURES_REQUIRED corpus_${target})
    if (BUGLE_FUZZ)
        add_executable (fuzz_${target} fuzz/fuzz_${target}.c)
        target_link_libraries (fuzz_${target} PRIVATE proto PkgConfig::MSGPACK bugle_flags)
        target_compile_options (fuzz_${target} PRIVATE -fsanitize=fuzzer)
        target_link_options (fuzz_${target} PRIVATE -fsanitize=fuzzer)
        set_target_properties (fuzz_${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    endif ()
endforeach ()
set_target_properties (make_corpus corpus_guard corpus_decode PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
