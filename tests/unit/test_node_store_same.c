/*  The two stores of the node are one: after every transaction of random operations, kept or rolled back, both hold the
    same, row by row.
*/
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node/store/memory.h"
#include "node/store/store.h"
#include "tests/unit/ids.h"
#include "tests/unit/must.h"

#define SEEDS        12
#define TRANSACTIONS 150

typedef struct {
    uint64_t state;
    uint64_t next_sequence;
    const node_store *store; /*  the one that the operation goes to  */
    uint8_t text[64];
} dice;

/*  xorshift: the same numbers for both stores.  */
static uint64_t roll (dice *self, uint64_t below)
{
    self->state ^= self->state << 13;
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return self->state % below;
}

static bg_slice some_text (dice *self)
{
    const size_t size = roll (self, sizeof self->text);
    for (size_t i = 0; i < size; i++)
        self->text[i] = (uint8_t) ('a' + roll (self, 26));
    return bg_slice_of (self->text, size);
}

static bg_id some_id (dice *self)
{
    return id_of ((uint8_t) (1 + roll (self, 12)));
}

/*  ---- operations ----  */

static void put_document (dice *self)
{
    node_document_row row = {.place = (node_place) (1 + roll (self, 4)),
        .key = some_id (self),
        .type = roll (self, 4),
        .version = roll (self, 9),
        .dropped = roll (self, 2) == 1};
    row.code = row.message = row.signed_item = some_text (self);
    OK (self->store->document_put (self->store->ctx, &row, err));
}

static void remove_document (dice *self)
{
    const node_place place = (node_place) (1 + roll (self, 4));
    OK (self->store->document_remove (self->store->ctx, place, some_id (self), err));
}

static void put_deed (dice *self)
{
    node_deed_row row = {.id = some_id (self),
        .what = roll (self, 3),
        .job_key = some_id (self),
        .state = (node_deed_state) (1 + roll (self, 3)),
        .expires_us = (int64_t) roll (self, 1000)};
    row.code = row.message = row.signed_item = some_text (self);
    OK (self->store->deed_put (self->store->ctx, &row, err));
}

static void prune_deeds (dice *self)
{
    OK (self->store->deed_prune (self->store->ctx, (int64_t) roll (self, 500), err));
}

static void put_mark (dice *self)
{
    node_mark_row row = {.job_key = some_id (self), .nominal_us = (int64_t) roll (self, 99)};
    row.schedule = roll (self, 2) ? bg_slice_str ("main") : bg_slice_str ("ma");
    OK (self->store->mark_put (self->store->ctx, &row, err));
}

static void remove_marks (dice *self)
{
    OK (self->store->mark_remove_job (self->store->ctx, some_id (self), err));
}

static void put_occurrence (dice *self)
{
    node_occurrence_row row = {
        .occurrence = some_id (self), .job_key = some_id (self), .fold = roll (self, 2)};
    row.schedule = some_text (self);
    OK (self->store->occurrence_put (self->store->ctx, &row, err));
}

static void remove_occurrence (dice *self)
{
    OK (self->store->occurrence_remove (self->store->ctx, some_id (self), err));
}

static void put_spent (dice *self)
{
    const bg_id job = some_id (self);
    OK (self->store->spent_put (self->store->ctx, job, 1 + roll (self, 9), err));
}

static void append_outbox (dice *self)
{
    OK (self->store->outbox_append (
        self->store->ctx, self->next_sequence++, some_text (self), err));
}

static void replace_outbox (dice *self)
{
    const uint64_t sequence = 1 + roll (self, self->next_sequence);
    OK (self->store->outbox_replace (self->store->ctx, sequence, some_text (self), err));
}

static void remove_outbox (dice *self)
{
    const uint64_t through = roll (self, self->next_sequence);
    OK (self->store->outbox_remove_through (self->store->ctx, through, err));
}

/*  What the node does when its outbox begins anew: the first sequence becomes 1.  */
static void renumber_outbox (dice *self)
{
    node_outbox_size size;
    OK (self->store->outbox_size (self->store->ctx, &size, err));
    if (size.rows == 0)
        return;
    OK (self->store->outbox_renumber (self->store->ctx, size.first - 1, err));
    self->next_sequence -= size.first - 1;
}

static void put_history (dice *self)
{
    node_history_row row = {.run = id_of ((uint8_t) (1 + roll (self, 60))),
        .job_key = some_id (self),
        .exec = some_id (self),
        .state = (uint64_t[]){0, 1, 1, 2, 6}[roll (self, 5)],
        .started_us = (int64_t) roll (self, 99),
        .finished_us = (int64_t) (100 * self->next_sequence + roll (self, 100))};
    row.blob = some_text (self);
    OK (self->store->history_put (self->store->ctx, &row, err));
}

static void put_limit (dice *self)
{
    const node_history_limit limit = {.job_key = some_id (self),
        .keep_us = (int64_t) (roll (self, 3) * 300),
        .keep_runs = roll (self, 3)};
    OK (self->store->history_limit_put (self->store->ctx, &limit, err));
}

static void put_number_and_blob (dice *self)
{
    OK (self->store->number_put (
        self->store->ctx, (node_number) (1 + roll (self, 6)), roll (self, 99), err));
    OK (self->store->blob_put (
        self->store->ctx, (node_blob) (1 + roll (self, 4)), some_text (self), err));
}

static void put_authority (dice *self)
{
    const uint64_t version = roll (self, 9);
    OK (self->store->authority_put (self->store->ctx, version, some_text (self), err));
}

static void forget_all (dice *self)
{
    if (roll (self, 10) == 0)
        OK (self->store->forget (self->store->ctx, err));
}

/*  No limit a call: which of the rows of one instant go first is open.  */
static void prune_history (dice *self)
{
    size_t removed = 0;
    const int64_t before_us = (int64_t) roll (self, 100 * self->next_sequence + 1);
    OK (self->store->history_prune (self->store->ctx, before_us, UINT64_MAX, 1000, &removed, err));
}

static void prune_jobs (dice *self)
{
    size_t removed = 0;
    const int64_t now_us = (int64_t) roll (self, 100 * self->next_sequence + 1);
    OK (self->store->history_prune_jobs (self->store->ctx, now_us, 1000, &removed, err));
}

typedef void operation (dice *self);
static operation *const operations[] = {put_document, put_document, remove_document, put_deed,
    put_deed, prune_deeds, put_mark, put_mark, remove_marks, put_occurrence, put_occurrence,
    remove_occurrence, put_spent, append_outbox, append_outbox, append_outbox, replace_outbox,
    remove_outbox, renumber_outbox, put_history, put_history, put_history, put_history, put_limit,
    put_number_and_blob, put_authority, forget_all, prune_history, prune_jobs};

/*  ---- what a store holds, as text ----  */

static bool dump_document (void *visitor, const node_document_row *row)
{
    bg_buf_printf (visitor, "document %d %s %d %d %d %.*s %.*s %.*s\n", (int) row->place,
        bg_id_text (row->key).text, (int) row->type, (int) row->version, row->dropped,
        BG_SLICE_ARG (row->code), BG_SLICE_ARG (row->message), BG_SLICE_ARG (row->signed_item));
    return true;
}

static bool dump_deed (void *visitor, const node_deed_row *row)
{
    bg_buf_printf (visitor, "deed %s %d %s %d %lld %.*s %.*s %.*s\n", bg_id_text (row->id).text,
        (int) row->what, bg_id_text (row->job_key).text, (int) row->state,
        (long long) row->expires_us, BG_SLICE_ARG (row->code), BG_SLICE_ARG (row->message),
        BG_SLICE_ARG (row->signed_item));
    return true;
}

/*  Marks and occurrences come in any order: their rows are added up.  */
static uint64_t sum_of (bg_slice text)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < text.size; i++)
        sum = (sum ^ text.data[i]) * 1099511628211u;
    return sum;
}

static void add_line (uint64_t *sums, bg_buf *line)
{
    sums[0]++;
    sums[1] += sum_of (bg_buf_slice (line));
}

static bool add_mark (void *visitor, const node_mark_row *row)
{
    BG_AUTO_BUF line = {0};
    bg_buf_printf (&line, "%s %.*s %lld", bg_id_text (row->job_key).text,
        BG_SLICE_ARG (row->schedule), (long long) row->nominal_us);
    add_line (visitor, &line);
    return true;
}

static bool add_occurrence (void *visitor, const node_occurrence_row *row)
{
    BG_AUTO_BUF line = {0};
    bg_buf_printf (&line, "%s %s %.*s %d", bg_id_text (row->occurrence).text,
        bg_id_text (row->job_key).text, BG_SLICE_ARG (row->schedule), (int) row->fold);
    add_line (visitor, &line);
    return true;
}

static bool add_spent (void *visitor, bg_id job_key, uint64_t version)
{
    BG_AUTO_BUF line = {0};
    bg_buf_printf (&line, "%s %d", bg_id_text (job_key).text, (int) version);
    add_line (visitor, &line);
    return true;
}

static bool dump_authority (void *visitor, uint64_t version, bg_slice item)
{
    bg_buf_printf (visitor, "authority %d %.*s\n", (int) version, BG_SLICE_ARG (item));
    return true;
}

static bool dump_outbox (void *visitor, const node_outbox_row *row)
{
    bg_buf_printf (visitor, "outbox %d %.*s\n", (int) row->sequence, BG_SLICE_ARG (row->blob));
    return true;
}

static bool dump_history (void *visitor, const node_history_row *row)
{
    bg_buf_printf (visitor, "history %d %s %s %s %d %lld %lld %.*s\n", (int) row->row,
        bg_id_text (row->run).text, bg_id_text (row->job_key).text, bg_id_text (row->exec).text,
        (int) row->state, (long long) row->started_us, (long long) row->finished_us,
        BG_SLICE_ARG (row->blob));
    return true;
}

static void dump_singles (const node_store *store, bg_buf *text)
{
    BG_AUTO_ARENA arena = {0};
    for (int i = 1; i <= 6; i++) {
        uint64_t value;
        OK (store->number_get (store->ctx, (node_number) i, &value, err));
        bg_buf_printf (text, "number %d %d\n", i, (int) value);
    }
    for (int i = 1; i <= 4; i++) {
        bg_slice value;
        OK (store->blob_get (store->ctx, (node_blob) i, &arena, &value, err));
        bg_buf_printf (text, "blob %d %.*s\n", i, BG_SLICE_ARG (value));
    }
    uint64_t sums[2] = {0};
    OK (store->mark_each (store->ctx, add_mark, sums, err));
    OK (store->occurrence_each (store->ctx, add_occurrence, sums, err));
    OK (store->spent_each (store->ctx, add_spent, sums, err));
    node_outbox_size size;
    OK (store->outbox_size (store->ctx, &size, err));
    bg_buf_printf (text, "sums %llu %llx, outbox %d %d %d\n", (unsigned long long) sums[0],
        (unsigned long long) sums[1], (int) size.rows, (int) size.bytes, (int) size.first);
}

static void dump (const node_store *store, bg_buf *text)
{
    bg_buf_clear (text);
    dump_singles (store, text);
    for (int place = 1; place <= 4; place++)
        OK (store->document_each (store->ctx, (node_place) place, dump_document, text, err));
    OK (store->authority_each (store->ctx, 1, dump_authority, text, err));
    OK (store->deed_each (store->ctx, dump_deed, text, err));
    OK (store->outbox_each (store->ctx, 0, SIZE_MAX, dump_outbox, text, err));
    OK (store->outbox_each (store->ctx, 3, 2, dump_outbox, text, err));
    OK (store->history_each (store->ctx, false, SIZE_MAX, dump_history, text, err));
    OK (store->history_each (store->ctx, true, 3, dump_history, text, err));
    OK (store->history_page (store->ctx, id_of (4), 0, 5, dump_history, text, err));
    OK (store->history_page (store->ctx, (bg_id){{0}}, 20, 5, dump_history, text, err));
}

/*  ---- the comparison ----  */

static void one_transaction (dice *self, node_db *db, node_memory *memory)
{
    OK (node_db_begin (db, err));
    node_memory_begin (memory);
    const uint64_t first_sequence = self->next_sequence;
    const uint64_t count = 1 + roll (self, 20);
    for (uint64_t i = 0; i < count; i++) {
        operation *chosen = operations[roll (self, sizeof operations / sizeof *operations)];
        self->store = node_db_port (db);
        struct {
            uint64_t state;
            uint64_t next;
        } at = {self->state, self->next_sequence};
        chosen (self);
        self->state = at.state;
        self->next_sequence = at.next;
        self->store = node_memory_port (memory);
        chosen (self);
    }
    if (roll (self, 3) == 0) {
        node_db_rollback (db);
        node_memory_rollback (memory);
        self->next_sequence = first_sequence;
    } else {
        OK (node_db_commit (db, err));
        node_memory_commit (memory);
    }
}

static void both_hold_the_same (void **state)
{
    (void) state;
    BG_AUTO_BUF file = {0};
    BG_AUTO_BUF memory_text = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        dice rolled = {.state = seed * 0x9e3779b97f4a7c15u, .next_sequence = 1};
        node_db *db = NULL;
        OK (node_db_open (":memory:", &db, err));
        node_memory *memory = node_memory_new ();
        for (int i = 0; i < TRANSACTIONS; i++) {
            one_transaction (&rolled, db, memory);
            dump (node_db_port (db), &file);
            dump (node_memory_port (memory), &memory_text);
            if (!bg_slice_equal (bg_buf_slice (&file), bg_buf_slice (&memory_text)))
                fail_msg ("seed %d, transaction %d:\n%s\nin memory:\n%s", (int) seed, i,
                    bg_buf_cstr (&file), bg_buf_cstr (&memory_text));
        }
        node_db_close (&db);
        node_memory_destroy (&memory);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (both_hold_the_same)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
