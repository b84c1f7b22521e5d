# Vectors, tables and frozen numbers of the protocol: programs that make a text and compare it with a file of the tree.
add_library (wire_examples STATIC wire/examples.c wire/golden.c wire/installation.c)
target_link_libraries (wire_examples PUBLIC proto PRIVATE bugle_flags)

add_executable (vectors wire/vectors.c)
target_link_libraries (vectors PRIVATE wire_examples bugle_flags)
set_target_properties (vectors PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME protocol_vectors COMMAND vectors "${PROJECT_SOURCE_DIR}/proto/vectors.json")
set_tests_properties (protocol_vectors PROPERTIES LABELS quick TIMEOUT 60)

# The client in Python that was written from PROTOCOL.md alone: the same vectors, then a live broker.
foreach (part vectors client)
    add_test (NAME wire_${part} COMMAND sh -c
        "test -x /usr/bin/python3 || { echo 'SKIP: there is no /usr/bin/python3'; exit 77; }; exec /usr/bin/python3 \"$0\""
        "${CMAKE_CURRENT_SOURCE_DIR}/wire/test_${part}.py")
    set_tests_properties (wire_${part} PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77
        ENVIRONMENT "BUGLE_BIN=${CMAKE_BINARY_DIR}/bin;PYTHONDONTWRITEBYTECODE=1")
endforeach ()

foreach (program protocol_tables numbers)
    add_executable (${program} wire/${program}.c)
    target_link_libraries (${program} PRIVATE wire_examples bugle_flags)
    set_target_properties (${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endforeach ()
add_test (NAME protocol_doc COMMAND protocol_tables "${PROJECT_SOURCE_DIR}/proto/PROTOCOL.md")
add_test (NAME protocol_numbers COMMAND numbers "${CMAKE_CURRENT_SOURCE_DIR}/wire/numbers.golden")
set_tests_properties (protocol_doc protocol_numbers PROPERTIES LABELS quick TIMEOUT 60)
