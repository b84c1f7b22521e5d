# The event loop of one thread and the ZeroMQ sockets on it.
bugle_layer (bg_loop SOURCES
    loop.c
    loop_wall.c
    loop_zmq.c
    zap.c
    zap_table.c
    zap_test.c
    zcontext.c
    zlink.c
    zmessage.c
    zsocket.c
    MAY_USE bg_base bg_sys PkgConfig::SYSTEMD PkgConfig::ZMQ PkgConfig::CZMQ PkgConfig::SODIUM
)
