bugle_test (test_base SOURCES unit/test_base.c MAY_USE bg_base)
bugle_test (test_reasons SOURCES unit/test_reasons.c MAY_USE bg_base)
bugle_test (test_rush SOURCES unit/test_rush.c MAY_USE bg_base)
bugle_test (test_rows SOURCES unit/test_rows.c MAY_USE bg_base)
