# What people ask of runs, jobs and categories, from the broker's store to the command line.
bugle_test (test_broker_store_history SOURCES unit/test_broker_store_history.c unit/store_case.c
    MAY_USE broker_store broker_memory PkgConfig::CMOCKA)
bugle_test (test_broker_history SOURCES unit/test_broker_history.c MAY_USE broker_fixture)
bugle_test (test_broker_store_large SOURCES unit/test_broker_store_large.c unit/store_case.c
    MAY_USE broker_store broker_memory bg_sqlite bg_sys PkgConfig::CMOCKA)
