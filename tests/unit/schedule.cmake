foreach (name utf8 calendar civil zone cron schedule schedule_forms duration selector names)
    bugle_test (test_${name} SOURCES unit/test_${name}.c MAY_USE job_core bg_base)
endforeach ()
# Random cron schedules against one that looks at every single second or minute.
bugle_test (test_schedule_walk SOURCES unit/test_schedule_walk.c MAY_USE job_core bg_base)
bugle_test (test_schedule_days_walk SOURCES unit/test_schedule_days_walk.c MAY_USE job_core bg_base)

# All zones of the system against Python's zoneinfo.
add_executable (zone_oracle unit/zone_oracle.c)
target_link_libraries (zone_oracle PRIVATE job_core bg_base bugle_flags)
set_target_properties (zone_oracle PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test (NAME schedule_oracle COMMAND sh -c
    "test -x /usr/bin/python3 || exit 77; exec /usr/bin/python3 \"$0\" \"$1\""
    "${CMAKE_CURRENT_SOURCE_DIR}/unit/zone_oracle.py" "$<TARGET_FILE:zone_oracle>")
set_tests_properties (schedule_oracle PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE 77)
# What documents say of schedules and calendars, and by how much a target starts later.
bugle_test (test_job_schedules SOURCES unit/test_job_schedules.c MAY_USE job_doc job_core proto bg_base)
bugle_test (test_splay SOURCES unit/test_splay.c MAY_USE proto bg_base)
# The days of every zone there is.
add_test (NAME schedule_all_zones COMMAND test_schedule_days_walk)
set_tests_properties (schedule_all_zones PROPERTIES LABELS full TIMEOUT 600
    ENVIRONMENT "BUGLE_ZONES=all;BUGLE_ROUNDS=40")
