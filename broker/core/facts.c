/*  Facts: what a target says about its machine. Kept as it said them last, for lists and for queries
    whose selector asks for fact.KEY. Nothing signed hangs on them.

    The durable form is one line "key=value" for each, label words both.

    Invariant: target->facts are pairs of label words with distinct keys, at most FACTS_MAX.  */
#include "broker/core/rooms.h"

#include "common/job/selector.h"

#define FACTS_MAX 32u

static bool is_fact (const wire_pair *fact, const wire_pair *before, size_t count)
{
    if (!job_label_word_valid (fact->key) || !job_label_word_valid (fact->value) ||
        fact->key.size + strlen (JOB_FACT_PREFIX) > JOB_LABEL_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (bg_slice_equal (before[i].key, fact->key))
            return false;
    return true;
}

bg_slice broker_facts_text (const wire_pair *facts, size_t count, bg_arena *arena)
{
    BG_AUTO_BUF text = {0};
    for (size_t i = 0; i < count && i < FACTS_MAX; i++)
        if (is_fact (&facts[i], facts, i))
            bg_buf_printf (
                &text, "%.*s=%.*s\n", BG_SLICE_ARG (facts[i].key), BG_SLICE_ARG (facts[i].value));
    return bg_arena_copy (arena, bg_buf_slice (&text));
}

/*  Appends the pair of a line to the target's; a line that is none is left out.  */
static void take_line (broker_target *target, bg_slice line)
{
    size_t sign = 0;
    while (sign < line.size && line.data[sign] != '=')
        sign++;
    if (sign == line.size || target->fact_count == FACTS_MAX)
        return;
    wire_pair fact = {.key = bg_slice_of (line.data, sign),
        .value = bg_slice_of (line.data + sign + 1, line.size - sign - 1)};
    if (is_fact (&fact, target->facts, target->fact_count))
        target->facts[target->fact_count++] = fact;
}

void broker_target_take_facts (broker_target *target, bg_slice text)
{
    char *copy = bg_slice_dup (text);
    free (target->facts_text);
    target->facts_text = copy;
    target->marks.facts = bg_slice_str (copy);
    bg_arena_fini (&target->facts_arena);
    target->facts = bg_arena_array (&target->facts_arena, wire_pair, FACTS_MAX);
    target->fact_count = 0;
    const bg_slice all = target->marks.facts;
    for (size_t at = 0; at < all.size;) {
        size_t end = at;
        while (end < all.size && all.data[end] != '\n')
            end++;
        take_line (target, bg_slice_of (all.data + at, end - at));
        at = end + 1;
    }
}

size_t broker_target_described (
    const broker_target *target, wire_pair *pairs, size_t limit, bg_arena *arena)
{
    const wire_membership *membership = &target->membership;
    size_t count = 0;
    for (size_t i = 0; i < membership->labels_count && count < limit; i++)
        pairs[count++] = membership->labels[i];
    for (size_t i = 0; i < target->fact_count && count < limit; i++)
        pairs[count++] = (wire_pair){.key = bg_arena_printf (arena, JOB_FACT_PREFIX "%.*s",
                                         BG_SLICE_ARG (target->facts[i].key)),
            .value = target->facts[i].value};
    return count;
}
