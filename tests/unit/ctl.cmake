# The CLI without a broker: commands, parser, help, times, folding, output, identity and contexts.
bugle_test (test_ctl_commands SOURCES unit/test_ctl_commands.c MAY_USE ctl_base)
bugle_test (test_ctl_parse SOURCES unit/test_ctl_parse.c MAY_USE ctl_base)
bugle_test (test_ctl_help SOURCES unit/test_ctl_help.c MAY_USE ctl_base)
target_compile_definitions (test_ctl_help PRIVATE CTL_GOLDEN="${CMAKE_CURRENT_SOURCE_DIR}/unit/ctl_help")
bugle_test (test_ctl_times SOURCES unit/test_ctl_times.c MAY_USE ctl_base)
bugle_test (test_ctl_output SOURCES unit/test_ctl_output.c MAY_USE ctl_base)
bugle_test (test_ctl_identity SOURCES unit/test_ctl_identity.c MAY_USE ctl_base bg_sys)
bugle_test (test_ctl_targets SOURCES unit/test_ctl_targets.c MAY_USE ctl_net ctl_base)
