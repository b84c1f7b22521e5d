# bugle-exec: its decisions, its files, and the real program.
bugle_test (test_exec_core
    SOURCES unit/test_exec_core.c unit/exec_fixture.c unit/signing_fixture.c
    MAY_USE exec_core)
bugle_test (test_exec_policy SOURCES unit/test_exec_policy.c MAY_USE exec_core)
bugle_test (test_exec_log SOURCES unit/test_exec_log.c MAY_USE exec_shell)
bugle_test (test_exec
    SOURCES e2e/test_exec.c unit/signing_fixture.c
    MAY_USE exec_shell)
add_dependencies (test_exec bugle-exec)
