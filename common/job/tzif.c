/*  TZif reader. Every count is checked against the bytes that are there before anything is read or
 * reserved.  */
#include "common/job/tzif.h"

#include "common/job/civil.h"

#include <stdlib.h>

#define HEADER_BYTES   44
#define HEADER_COUNTS  20 /*  where the six counts begin  */
#define TYPE_BYTES     6
#define INSTANT_MIN    (-(INT64_C (1) << 59)) /*  RFC 8536 3.2: not before the Big Bang  */
#define INSTANT_MAX    INT64_C (253402300799)
#define OFFSET_MIN     (-89999) /*  RFC 8536 3.2: more than -25 hours, less than 26  */
#define OFFSET_MAX     93599
#define TYPE_COUNT_MAX 256

typedef struct {
    uint8_t version;
    uint32_t ut_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t char_count;
} tzif_header;

typedef struct {
    bg_slice left;
    bg_error *err;
} reader;

/*  The parts of the second block, each as long as the header said.  */
typedef struct {
    tzif_header header;
    bg_slice times;
    bg_slice indexes;
    bg_slice types;
    bg_slice names;
    bg_slice standard_flags;
    bg_slice ut_flags;
} tzif_block;

static bg_result take (reader *in, uint64_t size, bg_slice *taken)
{
    if (size > in->left.size)
        return bg_fail (in->err, BG_MALFORMED, "it ends too early");
    *taken = bg_slice_of (in->left.data, (size_t) size);
    in->left = bg_slice_of (in->left.data + size, in->left.size - (size_t) size);
    return bg_ok ();
}

static bg_result read_header (reader *in, tzif_header *header)
{
    bg_slice bytes = {0};
    BG_TRY (take (in, HEADER_BYTES, &bytes));
    if (memcmp (bytes.data, "TZif", 4) != 0)
        return bg_fail (in->err, BG_MALFORMED, "it is not a zone file (TZif)");
    const uint8_t *counts = bytes.data + HEADER_COUNTS;
    *header = (tzif_header){
        .version = bytes.data[4],
        .ut_count = bg_read_u32 (counts),
        .standard_count = bg_read_u32 (counts + 4),
        .leap_count = bg_read_u32 (counts + 8),
        .time_count = bg_read_u32 (counts + 12),
        .type_count = bg_read_u32 (counts + 16),
        .char_count = bg_read_u32 (counts + 20),
    };
    return bg_ok ();
}

/*  Bytes of a block's data whose times have time_bytes each.  */
static uint64_t block_bytes (const tzif_header *header, unsigned time_bytes)
{
    return (uint64_t) header->time_count * (time_bytes + 1) +
           (uint64_t) header->type_count * TYPE_BYTES + header->char_count +
           (uint64_t) header->leap_count * (time_bytes + 4) + header->standard_count +
           header->ut_count;
}

static bg_result check_header (const tzif_header *header, bg_error *err)
{
    if (header->leap_count != 0)
        return bg_fail (
            err, BG_NOT_IN_VERSION, "it counts leap seconds, which POSIX time does not have");
    if (header->type_count == 0 || header->type_count > TYPE_COUNT_MAX)
        return bg_fail (err, BG_MALFORMED, "it has %u local time types", header->type_count);
    if (header->char_count == 0)
        return bg_fail (err, BG_MALFORMED, "it has no zone abbreviations");
    if (header->ut_count != 0 && header->ut_count != header->type_count)
        return bg_fail (err, BG_MALFORMED, "it has %u UT indicators", header->ut_count);
    if (header->standard_count != 0 && header->standard_count != header->type_count)
        return bg_fail (err, BG_MALFORMED, "it has %u standard indicators", header->standard_count);
    return bg_ok ();
}

static bg_result read_block (reader *in, tzif_block *block)
{
    const tzif_header *header = &block->header;
    BG_TRY (take (in, (uint64_t) header->time_count * 8, &block->times));
    BG_TRY (take (in, header->time_count, &block->indexes));
    BG_TRY (take (in, (uint64_t) header->type_count * TYPE_BYTES, &block->types));
    BG_TRY (take (in, header->char_count, &block->names));
    BG_TRY (take (in, header->standard_count, &block->standard_flags));
    return take (in, header->ut_count, &block->ut_flags);
}

static int32_t type_offset (const tzif_block *block, size_t index)
{
    return (int32_t) bg_read_u32 (block->types.data + index * TYPE_BYTES);
}

static bg_result check_types (const tzif_block *block, bg_error *err)
{
    for (size_t i = 0; i < block->header.type_count; i++) {
        const uint8_t *type = block->types.data + i * TYPE_BYTES;
        int32_t offset = type_offset (block, i);
        if (offset < OFFSET_MIN || offset > OFFSET_MAX)
            return bg_fail (err, BG_MALFORMED, "it has an offset of %d seconds", offset);
        if (type[4] > 1)
            return bg_fail (err, BG_MALFORMED, "it has a daylight saving flag of %u", type[4]);
        size_t name = type[5];
        if (name >= block->names.size ||
            memchr (block->names.data + name, 0, block->names.size - name) == NULL)
            return bg_fail (err, BG_MALFORMED, "it has a zone abbreviation without an end");
    }
    for (size_t i = 0; i < block->standard_flags.size; i++) {
        if (block->standard_flags.data[i] > 1)
            return bg_fail (err, BG_MALFORMED, "it has a wrong standard indicator");
    }
    for (size_t i = 0; i < block->ut_flags.size; i++) {
        bool is_standard = block->standard_flags.size > 0 && block->standard_flags.data[i] == 1;
        if (block->ut_flags.data[i] > 1 || (block->ut_flags.data[i] == 1 && !is_standard))
            return bg_fail (err, BG_MALFORMED, "it has a wrong UT indicator");
    }
    return bg_ok ();
}

static bg_result check_transitions (const tzif_block *block, bg_error *err)
{
    int64_t previous = INT64_MIN;
    for (size_t i = 0; i < block->header.time_count; i++) {
        int64_t instant = (int64_t) bg_read_u64 (block->times.data + i * 8);
        if (instant < INSTANT_MIN || instant > INSTANT_MAX)
            return bg_fail (err, BG_MALFORMED, "transition %zu is outside any calendar", i + 1);
        if (instant <= previous)
            return bg_fail (err, BG_MALFORMED, "transition %zu is not after the one before", i + 1);
        if (block->indexes.data[i] >= block->header.type_count)
            return bg_fail (
                err, BG_MALFORMED, "transition %zu names a type that is not there", i + 1);
        previous = instant;
    }
    return bg_ok ();
}

static bg_result read_footer (reader *in, job_tzif *self)
{
    bg_slice footer = in->left;
    if (footer.size < 2 || footer.data[0] != '\n' || footer.data[footer.size - 1] != '\n')
        return bg_fail (in->err, BG_MALFORMED, "the rule at its end is not between two newlines");
    bg_slice text = bg_slice_of (footer.data + 1, footer.size - 2);
    if (text.size == 0)
        return bg_ok ();
    self->has_rule = true;
    return job_tzrule_parse (text, &self->rule, in->err);
}

static bg_result parse (reader *in, tzif_block *block, job_tzif *self)
{
    tzif_header first;
    bg_slice skipped = {0};
    BG_TRY (read_header (in, &first));
    if (first.version < '2')
        return bg_fail (
            in->err, BG_NOT_IN_VERSION, "it is of format version 1, which ends in 2038");
    BG_TRY (take (in, block_bytes (&first, 4), &skipped));
    BG_TRY (read_header (in, &block->header));
    if (block->header.version != first.version)
        return bg_fail (in->err, BG_MALFORMED, "its two headers are of different versions");
    BG_TRY (check_header (&block->header, in->err));
    BG_TRY (read_block (in, block));
    BG_TRY (check_types (block, in->err));
    BG_TRY (check_transitions (block, in->err));
    return read_footer (in, self);
}

bg_result job_tzif_parse (bg_slice bytes, job_tzif *self, bg_error *err)
{
    if (bytes.size > JOB_TZIF_BYTES_MAX)
        return bg_fail (
            err, BG_TOO_LARGE, "it has %zu bytes, more than %d", bytes.size, JOB_TZIF_BYTES_MAX);
    reader in = {bytes, err};
    tzif_block block = {0};
    job_tzif parsed = {0};
    BG_TRY (parse (&in, &block, &parsed));
    parsed.count = block.header.time_count;
    parsed.first_offset = type_offset (&block, 0);
    parsed.instants = bg_alloc (parsed.count * sizeof *parsed.instants + 1);
    parsed.offsets = bg_alloc (parsed.count * sizeof *parsed.offsets + 1);
    for (size_t i = 0; i < parsed.count; i++) {
        parsed.instants[i] = (int64_t) bg_read_u64 (block.times.data + i * 8);
        parsed.offsets[i] = type_offset (&block, block.indexes.data[i]);
    }
    *self = parsed;
    return bg_ok ();
}

void job_tzif_fini (job_tzif *self)
{
    free (self->instants);
    free (self->offsets);
    *self = (job_tzif){0};
}
