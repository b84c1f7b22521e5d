/*  Mode rows: SQLite alone, by fifths, so that a store that gets slower as it grows is seen.  */
#include "tests/load/bare/bare.h"

#include "common/sys/clock.h"

#include <stdio.h>

enum { FIFTHS = 5 };

static bg_result add_fifth (bare_store *store, const bare_options *options, bare_board *board,
    double *per_second, bg_error *err)
{
    int64_t begun_us = bg_clock_mono_us ();
    uint32_t wanted = options->rows / FIFTHS;
    for (uint32_t done = 0; done < wanted;) {
        int64_t before_us = bg_clock_mono_us ();
        uint32_t rest = wanted - done;
        uint32_t count = rest < options->commit_rows ? rest : options->commit_rows;
        BG_TRY (bare_store_add (store, count, err));
        BG_TRY (bare_store_commit (store, err));
        bare_sample (board, BARE_ANSWERED, bg_clock_mono_us () - before_us);
        done += count;
    }
    *per_second = (double) wanted * 1e6 / (double) (bg_clock_mono_us () - begun_us + 1);
    return bg_ok ();
}

bg_result bare_rows_run (const bare_options *options, bg_error *err)
{
    bare_board *board = bare_board_create ();
    bare_store *store = NULL;
    BG_TRY (bare_store_open (options, &store, err));
    int64_t begun_us = bg_clock_mono_us (), cpu_us = bare_cpu_us ();
    double fifths[FIFTHS] = {0};
    bg_result result = bg_ok ();
    for (int i = 0; i < FIFTHS && bg_is_ok (result); i++)
        result = add_fifth (store, options, board, &fifths[i], err);
    double took_us = (double) (bg_clock_mono_us () - begun_us + 1);
    cpu_us = bare_cpu_us () - cpu_us;
    bare_store_close (&store);
    if (bg_failed (result))
        return result;
    uint32_t rows = options->rows / FIFTHS * FIFTHS;
    (void) bare_sort (board, BARE_ANSWERED);
    printf ("{\"mode\":\"rows\",\"rows\":%u,\"commit_rows\":%u,\"jobs\":%u,\"targets\":%u,"
            "\"per_second\":%.0f,\"cpu_us_per_row\":%.2f,\"commit_p50_us\":%lld,"
            "\"commit_p99_us\":%lld,\"fifths\":[",
        rows, options->commit_rows, options->jobs, options->targets, rows * 1e6 / took_us,
        (double) cpu_us / (rows ? rows : 1), (long long) bare_percentile (board, BARE_ANSWERED, 50),
        (long long) bare_percentile (board, BARE_ANSWERED, 99));
    for (int i = 0; i < FIFTHS; i++)
        printf ("%s%.0f", i ? "," : "", fifths[i]);
    printf ("]}\n");
    return bg_ok ();
}
