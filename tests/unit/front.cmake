bugle_test (test_front_parts SOURCES unit/test_front_parts.c MAY_USE broker_front_parts bg_base)
bugle_test (test_broker_home SOURCES unit/test_broker_home.c MAY_USE broker_home broker_store bg_sys bg_base)
