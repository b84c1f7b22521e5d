# Why a broker's socket is not reached.
bugle_test (test_probe SOURCES unit/test_probe.c unit/net_fixture.c MAY_USE bg_loop)
