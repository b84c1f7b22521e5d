/*  Answers of all children as one: counts are added, samples put together and sorted.  */
#include "tests/load/swarm/parent.h"

#include <inttypes.h>
#include <stdlib.h>

void swarm_merge (swarm_question *question, const swarm_answer *answer, const int64_t *samples)
{
    swarm_answer *merged = &question->merged;
    merged->ok = merged->ok && answer->ok;
    merged->over += answer->over;
    merged->acknowledged += answer->acknowledged;
    if (answer->first_us && (!merged->first_us || answer->first_us < merged->first_us))
        merged->first_us = answer->first_us;
    if (answer->last_us > merged->last_us)
        merged->last_us = answer->last_us;
#define ADD(name) merged->counts.name += answer->counts.name;
    SWARM_COUNTS (ADD)
#undef ADD
    for (uint64_t i = 0; i < answer->sample_count; i++)
        swarm_samples_add (&question->samples, samples[i]);
}

static int compare (const void *a, const void *b)
{
    const int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
    return (x > y) - (x < y);
}

/*  The value that a share of them does not pass.  */
static int64_t share (const swarm_samples *sorted, unsigned per_thousand)
{
    if (!sorted->count)
        return 0;
    const size_t rank = (sorted->count * per_thousand + 999) / 1000;
    return sorted->items[rank ? rank - 1 : 0];
}

static void times_json (const swarm_samples *sorted, const char *word, bg_buf *out)
{
    bg_buf_printf (out,
        "\"%s\": %zu, \"first_us\": %" PRId64 ", \"last_us\": %" PRId64 ", \"p50_us\": %" PRId64
        ", \"p99_us\": %" PRId64,
        word, sorted->count, share (sorted, 0), share (sorted, 1000), share (sorted, 500),
        share (sorted, 990));
}

void swarm_counts_json (const swarm_counts *counts, const swarm_options *options, bg_buf *out)
{
    bg_buf_printf (out, "\"store\": \"%s\"", options->store_dir ? "sqlite" : "memory");
#define PRINT(name) bg_buf_printf (out, ", \"" #name "\": %" PRIu64, counts->name);
    SWARM_COUNTS (PRINT)
#undef PRINT
    bg_buf_printf (out,
        ", \"verify\": {\"asked\": %" PRIu64 ", \"computed\": %" PRIu64 ", \"shared\": true}",
        counts->verify_asked, counts->verify_computed);
}

static void acks_json (const swarm_question *question, bg_buf *out)
{
    const swarm_samples *acks = &question->samples;
    bg_buf_printf (out,
        "\"outcomes\": %" PRIu64 ", \"first_us\": %" PRId64 ", \"last_us\": %" PRId64
        ", \"reports\": %zu, \"ack_p50_us\": %" PRId64 ", \"ack_p99_us\": %" PRId64
        ", \"ack_max_us\": %" PRId64,
        question->merged.over, question->merged.first_us, question->merged.last_us, acks->count,
        share (acks, 500), share (acks, 990), share (acks, 1000));
}

void swarm_merged_json (swarm_question *question, const swarm_options *options, bg_buf *out)
{
    const swarm_answer *merged = &question->merged;
    if (question->samples.count)
        qsort (question->samples.items, question->samples.count, sizeof (int64_t), compare);
    bg_buf_printf (out, "{\"ok\": %s", merged->ok ? "true" : "false");
    switch (question->order.word) {
    case SWARM_STATUS:
    case SWARM_STOP:
        bg_buf_append_str (out, ", ");
        swarm_counts_json (&merged->counts, options, out);
        break;
    case SWARM_WAIT:
    case SWARM_HELD:
        bg_buf_append_str (out, ", ");
        times_json (&question->samples, "count", out);
        break;
    case SWARM_EXEC:
        bg_buf_append_str (out, ", ");
        times_json (&question->samples, "begun", out);
        bg_buf_printf (out,
            ", \"over\": %" PRIu64 ", \"acknowledged\": %" PRIu64
            ", \"acknowledged_last_us\": %" PRId64,
            merged->over, merged->acknowledged, merged->last_us);
        break;
    case SWARM_PRODUCE:
        bg_buf_printf (out, ", \"targets\": %" PRIu64, merged->over);
        break;
    case SWARM_PRODUCED:
        bg_buf_append_str (out, ", ");
        acks_json (question, out);
        break;
    default:
        break;
    }
    bg_buf_append_str (out, "}");
}
