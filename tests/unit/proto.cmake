bugle_test (test_guard SOURCES unit/test_guard.c MAY_USE proto PkgConfig::MSGPACK)
bugle_test (test_codec SOURCES unit/test_codec.c MAY_USE proto PkgConfig::MSGPACK)
