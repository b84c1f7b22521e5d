# The commands of bugle-node, and local jobs.
bugle_test (test_exec_local SOURCES unit/test_exec_local.c unit/exec_fixture.c unit/signing_fixture.c MAY_USE exec_core)
bugle_test (test_node_commands SOURCES unit/test_ctl_commands.c MAY_USE node_cli)
bugle_test (test_node_local SOURCES unit/test_node_local.c unit/node_pair.c unit/exec_fixture.c ${node_fixture}
    MAY_USE node_core node_store node_memory exec_core proto job_core bg_base)
bugle_test (test_node_parse SOURCES unit/test_node_parse.c MAY_USE node_cli)
