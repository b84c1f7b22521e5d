# What a process gives back, and what the machine has to have for the number of its targets.
bugle_test (test_sys_memory SOURCES unit/test_sys_memory.c MAY_USE bg_sys)
