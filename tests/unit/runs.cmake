# One-shot jobs, executions and what is kept of their output.
bugle_test (test_audience_set SOURCES unit/test_audience_set.c MAY_USE proto_audience)
bugle_test (test_one_shot SOURCES unit/test_one_shot.c unit/signing_fixture.c MAY_USE proto)
bugle_test (test_exec_one_shot
    SOURCES unit/test_exec_one_shot.c unit/exec_case.c unit/exec_fixture.c unit/signing_fixture.c
    MAY_USE exec_core)
bugle_test (test_ctl_share SOURCES unit/test_ctl_share.c MAY_USE ctl_commands)
