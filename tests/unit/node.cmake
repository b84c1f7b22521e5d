# The node's core between a broker and a bugle-exec of a few rules, and its store.
set (node_fixture unit/node_fixture.c unit/node_fixture_broker.c unit/node_fixture_enlist.c unit/node_fixture_exec.c
    unit/node_fixture_ports.c unit/signing_fixture.c)
foreach (name enlist pending polls streams apply deeds schedules book hostile)
    bugle_test (test_node_${name} SOURCES unit/test_node_${name}.c ${node_fixture}
        MAY_USE node_core node_store node_memory proto job_core bg_base)
endforeach ()
bugle_test (test_node_policies SOURCES unit/test_node_policies.c unit/zone_bytes.c ${node_fixture}
    MAY_USE node_core node_store node_memory proto job_core bg_base)
bugle_test (test_node_exec SOURCES unit/test_node_exec.c unit/node_pair.c unit/exec_fixture.c ${node_fixture}
    MAY_USE node_core node_store node_memory exec_core proto job_core bg_base)
bugle_test (test_node_store SOURCES unit/test_node_store.c MAY_USE node_store node_memory bg_sqlite)
bugle_test (test_node_store_same SOURCES unit/test_node_store_same.c MAY_USE node_store node_memory)
bugle_test (test_node_questions SOURCES unit/test_node_questions.c ${node_fixture}
    MAY_USE node_core node_store node_memory node_shell proto job_core bg_sys bg_base)
