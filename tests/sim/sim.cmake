# The simulator: the cores of production, virtual time. Paths are relative to tests/.
bugle_layer (sim_world SOURCES
    sim/at_rest.c
    sim/broker.c
    sim/chaos.c
    sim/crypto.c
    sim/effects.c
    sim/events.c
    sim/exec.c
    sim/network.c
    sim/node.c
    sim/oracle.c
    sim/people.c
    sim/people_deeds.c
    sim/people_ops.c
    sim/people_papers.c
    sim/people_shared.c
    sim/people_targets.c
    sim/processes.c
    sim/stores.c
    sim/taps.c
    sim/world.c
    MAY_USE bg_sqlite broker_core broker_store broker_memory node_core node_store node_memory exec_core job_doc job_core proto proto_audience bg_base)
add_executable (bugle-sim sim/main.c)
target_link_libraries (bugle-sim PRIVATE sim_world bugle_flags)
set_target_properties (bugle-sim PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")

# bugle_sim (NAME LABEL ARGUMENTS...): one run of it as a test.
function (bugle_sim name label)
    add_test (NAME ${name} COMMAND bugle-sim ${ARGN})
    set_tests_properties (${name} PROPERTIES LABELS ${label} TIMEOUT 1200)
endfunction ()

bugle_sim (sim_100 quick --seeds 100)
bugle_sim (sim_restores quick --seeds 25 --restores)
bugle_sim (sim_restores_300 full --seeds 300 --seed 101 --restores)
bugle_sim (sim_1000 full --seeds 1000 --seed 101)
bugle_sim (sim_sqlite full --seeds 200 --seed 2001 --store sqlite)
bugle_sim (sim_bench quick --seeds 5 --bench)
bugle_sim (sim_wide full --seeds 30 --seed 5001 --targets 16)
bugle_sim (sim_long full --seeds 20 --seed 6001 --hours 4)

# Every planted bug must be found; the first two show it in the quick suite.
foreach (bug ack-before-commit mark-not-stored)
    bugle_sim (sim_finds_${bug} quick --seeds 50 --plant ${bug})
endforeach ()
foreach (bug answer-before-commit duplicate-report skip-version-floor spawn-before-intent end-not-synced
        outcome-lost execution-not-stored delivery-not-stored)
    bugle_sim (sim_finds_${bug} full --seeds 50 --plant ${bug})
endforeach ()
