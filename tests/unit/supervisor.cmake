# What the supervisor of a run decides for a step before there is a process; the processes are e2e/test_steps_*.py.
bugle_test (test_exec_limits SOURCES unit/test_exec_limits.c MAY_USE exec_shell)
bugle_test (test_exec_text SOURCES unit/test_exec_text.c MAY_USE exec_shell)
