# The event loop, ZeroMQ sockets and authentication. They have threads, so they belong to the thread sanitizer's run too;
# libzmq itself is not instrumented and synchronises in ways the sanitizer cannot see, so only our own modules count.
foreach (name test_loop test_zap test_zsocket)
    bugle_test (${name} SOURCES unit/${name}.c unit/net_fixture.c MAY_USE bg_loop)
    set_tests_properties (${name} PROPERTIES LABELS "quick;threads"
        ENVIRONMENT_MODIFICATION "TSAN_OPTIONS=string_append::ignore_noninstrumented_modules=1")
endforeach ()
