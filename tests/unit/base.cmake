bugle_test (test_base SOURCES unit/test_base.c MAY_USE bg_base)
