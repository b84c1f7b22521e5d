/*  What commands that change something say: see change_view.h.  */
#include "ctl/change_view.h"

#include "ctl/fold.h"
#include "ctl/job.h"
#include "ctl/times.h"

#include <inttypes.h>

void ctl_change_text (const ctl_change *change, bg_buf *out)
{
    const bool would = change->dry_run && !change->already;
    bg_buf_printf (
        out, "%s%s %.*s", would ? "would be " : "", change->outcome, BG_SLICE_ARG (change->name));
    if (change->already) {
        bg_buf_printf (out, " (%s already)", change->already);
        return;
    }
    bg_buf_append_str (out, " -> ");
    ctl_targets_count (change->targets, out);
    if (change->until_us != 0) {
        bg_buf_append_str (out, ", until ");
        ctl_times_people (change->until_us, change->is_utc, out);
    }
}

json_t *ctl_change_json (const ctl_change *change)
{
    return json_pack ("{s:o, s:s, s:o, s:o, s:I, s:b}", "name", ctl_json_slice (change->name),
        "outcome", change->outcome, "until", ctl_json_time (change->until_us), "reason",
        ctl_json_text_or_null (change->reason), "targets", (json_int_t) change->targets, "dry_run",
        change->dry_run);
}

/*  ---- orders ----  */

static const char *word_of (const ctl_order *order)
{
    const char *word = wire_deed_word (order->what);
    return word ? word : "do";
}

static void count_text (const ctl_order *order, bg_buf *out)
{
    ctl_targets_count (order->issued->targets, out);
    bg_buf_printf (out, " (%" PRIu64 " connected", order->issued->connected);
    if (order->issued->running > 0)
        bg_buf_printf (out, ", %" PRIu64 " running it now", order->issued->running);
    bg_buf_append_byte (out, ')');
}

void ctl_order_dry_text (const ctl_order *order, bg_buf *out)
{
    bg_buf_printf (out, "would %s %.*s -> ", word_of (order), BG_SLICE_ARG (order->job));
    count_text (order, out);
    bg_buf_append_byte (out, '\n');
    if (order->name_count == 0)
        return;
    ctl_fold (order->names, order->name_count, order->issued->targets, 0, out);
    bg_buf_append_byte (out, '\n');
}

void ctl_order_text (const ctl_order *order, bg_buf *out)
{
    bg_buf_printf (out, "%s %.*s on ", order->what == WIRE_DEED_STOP ? "stopping" : "starting",
        BG_SLICE_ARG (order->job));
    count_text (order, out);
}

json_t *ctl_order_json (const ctl_order *order)
{
    const wire_issued *issued = order->issued;
    json_t *object = json_pack ("{s:o, s:o, s:s, s:I, s:I, s:I, s:o, s:b, s:b}", "id",
        order->dry_run ? json_null () : ctl_json_id (issued->id), "job",
        ctl_json_slice (order->job), "what", word_of (order), "targets",
        (json_int_t) issued->targets, "connected", (json_int_t) issued->connected, "running",
        (json_int_t) issued->running, "expires", ctl_json_time (issued->expires_us), "repeated",
        issued->repeated, "dry_run", order->dry_run);
    bg_assert (object);
    if (order->dry_run)
        json_object_set_new (object, "names", ctl_json_slices (order->names, order->name_count));
    return object;
}
