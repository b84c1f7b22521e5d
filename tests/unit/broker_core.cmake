# The broker's core on a store in memory.
bugle_layer (broker_fixture SOURCES unit/broker_fixture.c unit/broker_scenes.c
    MAY_USE broker_core broker_store PkgConfig::CMOCKA)
foreach (what core dispatch enlist pending claims post deliver streams deeds reports hostile mode members one_shot shared)
    bugle_test (test_broker_${what} SOURCES unit/test_broker_${what}.c MAY_USE broker_fixture)
endforeach ()
bugle_test (test_broker_ops SOURCES unit/test_broker_ops.c MAY_USE broker_fixture)
