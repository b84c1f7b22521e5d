# Jobs, executions and apply of the CLI: what they say, and each command against a broker that plays a script.
foreach (name job run)
    bugle_test (test_ctl_${name}_views SOURCES unit/test_ctl_${name}_views.c MAY_USE ctl_commands)
    bugle_test (test_ctl_${name}_commands SOURCES unit/test_ctl_${name}_commands.c unit/ctl_fake.c MAY_USE ctl_commands)
endforeach ()
bugle_test (test_ctl_history_commands SOURCES unit/test_ctl_history_commands.c unit/ctl_fake.c MAY_USE ctl_commands)
bugle_test (test_ctl_exec_logs SOURCES unit/test_ctl_exec_logs.c unit/ctl_fake.c MAY_USE ctl_commands)
bugle_test (test_ctl_findings SOURCES unit/test_ctl_findings.c MAY_USE ctl_commands)
bugle_test (test_ctl_op_commands SOURCES unit/test_ctl_op_commands.c unit/ctl_fake.c unit/signing_fixture.c
    MAY_USE ctl_commands)
