/*  What the tables and indexes of a history take, from the library's own count of pages.  */
#include "tests/load/history/bench.h"

#include <sqlite3.h>
#include <stdio.h>

static const char by_name[] =
    "SELECT name, sum (pgsize), sum (payload), sum (unused) FROM dbstat WHERE name LIKE 'run%' OR "
    "name IN ('job', 'output') GROUP BY name ORDER BY 2 DESC";

void bench_sizes (const char *path, uint64_t rows)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_open_v2 (path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2 (handle, by_name, -1, &stmt, NULL) == SQLITE_OK) {
        printf ("\n| table or index | MiB | bytes per row | filled |\n|---|---|---|---|\n");
        while (sqlite3_step (stmt) == SQLITE_ROW) {
            const double size = sqlite3_column_double (stmt, 1);
            printf ("| %s | %.1f | %.1f | %.0f %% |\n", sqlite3_column_text (stmt, 0),
                size / 1048576, size / (double) rows,
                100 * (1 - sqlite3_column_double (stmt, 3) / size));
        }
    } else {
        printf ("\nno sizes: %s\n", handle ? sqlite3_errmsg (handle) : "no memory");
    }
    (void) sqlite3_finalize (stmt);
    (void) sqlite3_close (handle);
}
