# Pages of docs/ with parts that are made from tables of the source.
add_executable (doc_pages docs/pages.c docs/job_pages.c unit/job_yaml_open.c wire/golden.c)
target_link_libraries (doc_pages PRIVATE broker_home node_shell ctl_base ctl_zones job_yaml job_doc job_core proto bg_conf bg_base bugle_flags)
set_target_properties (doc_pages PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME doc_pages COMMAND doc_pages
    "${PROJECT_SOURCE_DIR}/docs/configuration.md"
    "${PROJECT_SOURCE_DIR}/docs/exit-codes.md"
    "${PROJECT_SOURCE_DIR}/docs/job-file.md"
    "${PROJECT_SOURCE_DIR}/docs/reference/job-fields.md"
    "${PROJECT_SOURCE_DIR}/docs/commands.md"
    "${PROJECT_SOURCE_DIR}/docs/troubleshooting.md")
set_tests_properties (doc_pages PROPERTIES LABELS quick TIMEOUT 60)

# The same with the commands of bugle-node.
add_executable (doc_pages_node docs/pages.c docs/job_pages.c unit/job_yaml_open.c wire/golden.c)
target_link_libraries (doc_pages_node PRIVATE node_cli broker_home node_shell ctl_zones job_yaml job_doc job_core proto bg_conf bg_base bugle_flags)
set_target_properties (doc_pages_node PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME doc_pages_node COMMAND doc_pages_node "${PROJECT_SOURCE_DIR}/docs/node-commands.md")
set_tests_properties (doc_pages_node PROPERTIES LABELS quick TIMEOUT 60)
