/*  OP_QUERY: the download list, newest first, filtered, by keyset pages.

    What is in memory (documents, memberships) is sorted by when it was posted; deeds of the last days
    come from the store in the order of their ids, which are times; the two are merged. Within one
    instruction the targets follow by number. The cursor is (time, key, number) of the last row.

    Bounded: rows and bytes of a page, deeds looked at, notes read. A page may be short, or empty,
    and say more: then it goes on where the page stopped looking.  */
#include "broker/core/ops.h"

#include <stdlib.h>

#define LIMIT_DEFAULT 100u
#define DEEDS_LOADED  64u
#define DEEDS_MAX     384u  /*  looked at for one page  */
#define NOTES_MAX     3000u /*  read for one page, beside those of its rows  */
#define MISSES_MAX    5000u /*  rows made and not wanted  */
#define ROW_BYTES     128u  /*  of a row on the wire, beside its texts  */

typedef struct {
    int64_t at_us;
    bg_id key;
    broker_op op;
    broker_execution *owned; /*  a deed that is not in memory  */
} listed;

typedef struct {
    broker_op_filter filter;
    broker_request *request;
    const wire_op_query *query;
    wire_ops answer;
    size_t limit;
    size_t bytes;
    size_t misses;
    size_t notes;

    listed *here; /*  documents and memberships, newest first  */
    size_t here_count;
    size_t here_at;

    listed deeds[DEEDS_LOADED];
    broker_bitmap noted; /*  of the deed at hand: which targets have a note  */
    size_t deed_count;
    size_t deed_at;
    size_t deeds_seen;
    bool deeds_done;
    bg_id deeds_before;
} listing;

/*  ---- what is there ----  */

static int by_time (const void *a, const void *b)
{
    const listed *left = a;
    const listed *right = b;
    if (left->at_us != right->at_us)
        return left->at_us > right->at_us ? -1 : 1;
    return bg_id_compare (right->key, left->key);
}

static bool is_behind_cursor (const listing *self, const listed *item)
{
    const wire_op_query *query = self->query;
    const listed cursor = {.at_us = query->after_us, .key = query->after_key};
    return query->after_us == 0 || by_time (item, &cursor) >= 0;
}

static void consider (listing *self, const broker_op *op)
{
    const listed item = {.at_us = broker_op_posted_us (op), .key = broker_op_key (op), .op = *op};
    if (is_behind_cursor (self, &item) && broker_op_is_wanted (&self->filter, op))
        self->here[self->here_count++] = item;
}

static void collect (listing *self)
{
    const broker_core *core = self->request->core;
    size_t most = (size_t) HASH_COUNT (core->documents) + core->next_number;
    self->here = bg_arena_array (self->request->arena, listed, most);
    for (const broker_document *document = core->documents; document; document = document->hh.next)
        consider (self, &(broker_op){.document = document});
    for (uint32_t number = 1; number < core->next_number; number++) {
        const broker_target *target = broker_target_at (core, number);
        if (target && !target->key_cut && broker_op_target_is_wanted (&self->filter, number) &&
            broker_op_state_is_wanted (&self->filter, target->membership_state))
            consider (self, &(broker_op){.member = target});
    }
    qsort (self->here, self->here_count, sizeof *self->here, by_time);
}

/*  ---- deeds ----  */

static bg_result load_deed (void *visitor, const broker_execution_record *record, bg_error *err)
{
    listing *self = visitor;
    broker_core *core = self->request->core;
    listed *item = &self->deeds[self->deed_count];
    *item = (listed){.key = record->id};
    self->deeds_before = record->id;
    HASH_FIND (hh, core->executions, &record->id, sizeof record->id, item->owned);
    item->op.deed = item->owned;
    item->owned = NULL;
    if (!item->op.deed) {
        BG_TRY (broker_op_deed_load (record, self->request->arena, &item->owned, err));
        item->op.deed = item->owned;
    }
    item->at_us = broker_op_posted_us (&item->op);
    self->deed_count++;
    return bg_ok ();
}

static void drop_deeds (listing *self)
{
    for (size_t i = 0; i < self->deed_count; i++)
        if (self->deeds[i].owned)
            broker_op_deed_free (self->deeds[i].owned);
    self->deed_count = self->deed_at = 0;
}

static bg_result load_deeds (listing *self, bg_error *err)
{
    const broker_store *store = self->request->core->store;
    broker_execution_filter filter = {.before = self->deeds_before, .limit = DEEDS_LOADED};
    if (self->filter.has_job)
        filter.job_key = self->filter.job_key;
    drop_deeds (self);
    BG_TRY (store->executions (store->ctx, &filter, load_deed, self, err));
    self->deeds_seen += self->deed_count;
    self->deeds_done = self->deed_count < DEEDS_LOADED;
    return bg_ok ();
}

/*  Ids are times: the smallest one after the cursor's millisecond, so that its own deed comes again.  */
static void begin_deeds (listing *self)
{
    if (self->query->after_us > 0)
        bg_write_u64 (
            self->deeds_before.bytes, ((uint64_t) (self->query->after_us / 1000) + 1) << 16);
    const uint64_t type = self->filter.type;
    const uint64_t operation = self->filter.operation;
    const bool is_of_document = operation == WIRE_OP_INSERT || operation == WIRE_OP_UPDATE ||
                                operation == WIRE_OP_DELETE || operation >= WIRE_OP_ENABLE;
    self->deeds_done = (type != 0 && type != WIRE_TYPE_DEED) || is_of_document;
}

/*  The newest deed that was not looked at yet; NULL when there is none.  */
static bg_result next_deed (listing *self, listed **item, bg_error *err)
{
    const int64_t oldest_us = self->request->now.utc_us - BROKER_OP_DEED_US;
    for (*item = NULL;; self->deed_at++) {
        if (self->deed_at == self->deed_count) {
            if (self->deeds_done || self->deeds_seen >= DEEDS_MAX)
                return bg_ok ();
            BG_TRY (load_deeds (self, err));
            if (self->deed_count == 0)
                return bg_ok ();
        }
        listed *at = &self->deeds[self->deed_at];
        if (at->at_us < oldest_us || at->at_us < self->filter.since_us) {
            self->deeds_done = true;
            self->deed_at = self->deed_count - 1; /*  all that follow are older  */
            continue;
        }
        if (!is_behind_cursor (self, at) || !broker_op_is_wanted (&self->filter, &at->op))
            continue;
        *item = at;
        return bg_ok ();
    }
}

/*  ---- rows ----  */

static void stop_at (listing *self, const listed *item, uint32_t number)
{
    self->answer.more = true;
    self->answer.next_us = item->at_us;
    self->answer.next_key = item->key;
    self->answer.next_number = number;
}

/*  False when the page is full: the row then is the first of the next one.  */
static bg_result add_row (listing *self, const listed *item, uint32_t number, bg_error *err)
{
    broker_core *core = self->request->core;
    const broker_target *target = broker_target_at (core, number);
    wire_op_row *row = &self->answer.rows[self->answer.rows_count];
    if (!target || (!broker_target_is_member (target) && !item->op.member))
        return bg_ok ();
    const bool with_note = !item->op.deed || broker_bitmap_has (&self->noted, number);
    BG_TRY (broker_op_row (self->request, &item->op, target, with_note, row, err));
    if (!broker_op_state_is_wanted (&self->filter, row->state)) {
        self->misses++;
        return bg_ok ();
    }
    self->bytes += ROW_BYTES + row->target.size + row->name.size + row->code.size +
                   row->message.size + row->posted_by.size + row->settled_by.size +
                   row->reason.size;
    self->answer.rows_count++;
    return bg_ok ();
}

static bool is_full (const listing *self)
{
    return self->answer.rows_count == self->limit || self->bytes > BROKER_PAGE_BYTES ||
           self->misses > MISSES_MAX || self->notes > NOTES_MAX;
}

typedef struct {
    broker_bitmap *set;
    uint32_t last;
    size_t count;
} noting;

static bg_result take_note (void *visitor, const broker_note_record *record, bg_error *err)
{
    (void) err;
    noting *self = visitor;
    broker_bitmap_set (self->set, record->number);
    self->last = record->number;
    self->count++;
    return bg_ok ();
}

static uint64_t bit (uint64_t state)
{
    return UINT64_C (1) << state;
}

/*  Whose rows may be wanted. The notes of the deed are read first, since they tell some states; when
    there are too many, *through is the last number that they are known of, and the page ends there.  */
static bg_result candidates_of_deed (listing *self, const broker_execution *deed, uint32_t after,
    broker_bitmap *out, uint32_t *through, bg_error *err)
{
    const broker_store *store = self->request->core->store;
    const uint64_t states = self->filter.states;
    noting work = {.set = &self->noted};
    broker_bitmap_empty (&self->noted);
    BG_TRY (store->notes (store->ctx, deed->id, after, NOTES_MAX, take_note, &work, err));
    self->notes += work.count;
    *through = work.count == NOTES_MAX ? work.last : UINT32_MAX;
    broker_bitmap_copy (out, &deed->addressed);
    if (!(states & (bit (WIRE_DELIVERY_APPLIED) | bit (WIRE_DELIVERY_FAILED) |
                       bit (WIRE_DELIVERY_SKIPPED))))
        broker_bitmap_remove (out, &deed->begun);
    if (!(states & (bit (WIRE_DELIVERY_PENDING) | bit (WIRE_DELIVERY_WAITING) |
                       bit (WIRE_DELIVERY_EXPIRED))))
        broker_bitmap_keep (out, &deed->begun);
    if (states &
        (bit (WIRE_DELIVERY_PENDING) | bit (WIRE_DELIVERY_APPLIED) | bit (WIRE_DELIVERY_EXPIRED)))
        return bg_ok ();
    broker_bitmap told = {0};
    broker_bitmap_add (&told, &self->noted);
    broker_bitmap_add (&told, &deed->canceled); /*  skipped, without a note  */
    broker_bitmap_keep (out, &told);
    broker_bitmap_fini (&told);
    return bg_ok ();
}

static bg_result list_rows (listing *self, const listed *item, uint32_t after,
    const broker_bitmap *candidates, uint32_t through, bg_error *err)
{
    for (uint32_t number = broker_bitmap_next (candidates, after); number && number <= through;
         number = broker_bitmap_next (candidates, number)) {
        if (is_full (self)) {
            stop_at (self, item, number - 1);
            return bg_ok ();
        }
        BG_TRY (add_row (self, item, number, err));
    }
    if (through != UINT32_MAX)
        stop_at (self, item, through);
    return bg_ok ();
}

static bg_result list_item (listing *self, const listed *item, bg_error *err)
{
    const wire_op_query *query = self->query;
    const bool is_cursor = query->after_us == item->at_us && query->after_us != 0 &&
                           bg_id_equal (query->after_key, item->key);
    const uint32_t after = is_cursor ? (uint32_t) query->after_number : 0;
    uint32_t through = UINT32_MAX;
    broker_bitmap candidates = {0};
    bg_result result = bg_ok ();
    if (item->op.document)
        broker_deliver_select (item->op.document, self->filter.states, &candidates);
    else if (item->op.member)
        broker_bitmap_set (&candidates, item->op.member->number);
    else
        result = candidates_of_deed (self, item->op.deed, after, &candidates, &through, err);
    if (self->filter.has_targets)
        broker_bitmap_keep (&candidates, &self->filter.targets);
    if (bg_is_ok (result))
        result = list_rows (self, item, after, &candidates, through, err);
    broker_bitmap_fini (&candidates);
    return result;
}

/*  The two sorted sources as one. Ends at the end of both, or where the page says more.  */
static bg_result list_all (listing *self, bg_error *err)
{
    while (!self->answer.more) {
        listed *deed = NULL;
        listed *here = self->here_at < self->here_count ? &self->here[self->here_at] : NULL;
        BG_TRY (next_deed (self, &deed, err));
        if (!deed && !self->deeds_done && self->deeds_seen >= DEEDS_MAX) {
            /*  Enough looked at: on behind the last of them, with what is older than it.  */
            const listed last = {
                .at_us = bg_id_time_us (self->deeds_before), .key = self->deeds_before};
            if (!here || by_time (here, &last) > 0) {
                stop_at (self, &last, UINT32_MAX);
                return bg_ok ();
            }
        }
        if (!deed && !here)
            return bg_ok ();
        if (deed && (!here || by_time (deed, here) < 0)) {
            BG_TRY (list_item (self, deed, err));
            self->deed_at++;
        } else {
            BG_TRY (list_item (self, here, err));
            self->here_at++;
        }
    }
    return bg_ok ();
}

static bg_result page (listing *self, bg_error *err)
{
    collect (self);
    begin_deeds (self);
    self->answer.rows = bg_arena_array (self->request->arena, wire_op_row, self->limit + 1);
    bg_result result = list_all (self, err);
    if (bg_is_ok (result))
        broker_answer (self->request, WIRE_OPS, &self->answer);
    drop_deeds (self);
    return result;
}

/*  ---- one, by its id ----  */

typedef struct {
    uint32_t number;
    bg_slice piece;
} op_id;

static bg_result read_id (bg_slice text, op_id *id, bg_error *err)
{
    size_t at = 0;
    uint64_t number = 0;
    while (at < text.size && at < 10 && text.data[at] >= '0' && text.data[at] <= '9')
        number = number * 10 + (uint64_t) (text.data[at++] - '0');
    if (at == 0 || at == text.size || text.data[at] != '-' || number > UINT32_MAX ||
        text.size - at - 1 < BG_ID_TYPED_MIN) {
        bg_ignore (bg_fail (err, BG_INVALID, "'%.*s' is no id of an instruction",
            (int) (text.size > 60 ? 60 : text.size), (const char *) text.data));
        return bg_hint (err, "it looks like 12-7gk2m9qx; see: bugle op list");
    }
    id->number = (uint32_t) number;
    id->piece = bg_slice_of (text.data + at + 1, text.size - at - 1);
    return bg_ok ();
}

static bg_result find_one (listing *self, const op_id *id, bg_error *err)
{
    broker_core *core = self->request->core;
    const broker_target *target = broker_target_at (core, id->number);
    const bg_slice typed = self->query->id;
    size_t found = 0;
    wire_op_row row;
    for (size_t i = 0; target && i < self->here_count; i++) {
        if (!bg_id_matches (self->here[i].key, id->piece) ||
            (self->here[i].op.member && self->here[i].op.member != target))
            continue;
        BG_TRY (broker_op_row (self->request, &self->here[i].op, target, true, &row, err));
        if (row.state != 0 && found++ == 0)
            self->answer.rows[0] = row;
    }
    while (target && !self->deeds_done && self->deeds_seen < 100 * DEEDS_MAX) {
        BG_TRY (load_deeds (self, err));
        for (size_t i = 0; i < self->deed_count; i++) {
            if (!bg_id_matches (self->deeds[i].key, id->piece))
                continue;
            BG_TRY (broker_op_row (self->request, &self->deeds[i].op, target, true, &row, err));
            if (row.state == 0)
                continue;
            if (found++ == 0)
                self->answer.rows[0] = row;
        }
    }
    if (found == 0) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "there is no instruction '%.*s'", BG_SLICE_ARG (typed)));
        return bg_hint (err, "see: bugle op list");
    }
    if (found > 1) {
        bg_ignore (bg_fail (err, BG_INVALID, "'%.*s' is the ending of %zu instructions' ids",
            BG_SLICE_ARG (typed), found));
        return bg_hint (err, "write more of the id");
    }
    self->answer.rows_count = 1;
    return bg_ok ();
}

static bg_result one (listing *self, bg_error *err)
{
    op_id id = {0};
    BG_TRY (read_id (self->query->id, &id, err));
    self->answer.rows = bg_arena_array (self->request->arena, wire_op_row, 1);
    collect (self);
    bg_result result = find_one (self, &id, err);
    if (bg_is_ok (result))
        broker_answer (self->request, WIRE_OPS, &self->answer);
    drop_deeds (self);
    return result;
}

bg_result broker_on_op_query (broker_request *request, bg_error *err)
{
    const wire_op_query *query = request->body;
    listing *self = bg_arena_alloc (request->arena, sizeof *self);
    self->request = request;
    self->query = query;
    self->limit = query->limit ? query->limit : LIMIT_DEFAULT;
    bg_result result = broker_op_filter_init (&self->filter, request, query, err);
    if (bg_is_ok (result))
        result = query->id.size > 0 ? one (self, err) : page (self, err);
    broker_op_filter_fini (&self->filter);
    broker_bitmap_fini (&self->noted);
    return result;
}
