# bugle-exec: its decisions, its files, and the real program.
foreach (what standing documents shared starts plan proxy queue life runs hostile replay)
    bugle_test (test_exec_${what}
        SOURCES unit/test_exec_${what}.c unit/exec_case.c unit/exec_fixture.c unit/exec_same.c unit/signing_fixture.c
        MAY_USE exec_core)
endforeach ()
bugle_test (test_exec_policy SOURCES unit/test_exec_policy.c MAY_USE exec_core)
bugle_test (test_exec_policy_edit SOURCES unit/test_exec_policy_edit.c MAY_USE exec_core)
bugle_test (test_exec_log SOURCES unit/test_exec_log.c MAY_USE exec_shell)
# Stands between a program and its disk: no space as long as a file says so.
add_library (exec_full_disk SHARED e2e/exec_full_disk.c)
target_link_libraries (exec_full_disk PRIVATE bugle_flags dl)
target_link_options (exec_full_disk PRIVATE -fno-sanitize=all)
target_compile_options (exec_full_disk PRIVATE -fno-sanitize=all)
foreach (what steps output ends refusals)
    bugle_test (test_exec_${what}
        SOURCES e2e/test_exec_${what}.c e2e/live_exec.c unit/signing_fixture.c
        MAY_USE exec_shell)
    add_dependencies (test_exec_${what} bugle-exec exec_full_disk)
    target_compile_definitions (test_exec_${what} PRIVATE FULL_DISK="$<TARGET_FILE:exec_full_disk>")
endforeach ()
