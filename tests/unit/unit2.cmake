# The broker's store on SQLite.
foreach (name store store_runs)
    bugle_test (test_broker_${name} SOURCES unit/test_broker_${name}.c MAY_USE broker_store)
endforeach ()
