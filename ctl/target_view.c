/*  A target as a row of JSON and in words. Pure, but for the offer to confirm.  */
#include "ctl/target.h"

#include "ctl/times.h"

#include <inttypes.h>

static json_t *pairs_json (const wire_pair *pairs, size_t count)
{
    json_t *object = json_object ();
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (pairs[i].key);
        json_object_set_new (object, key, ctl_json_slice (pairs[i].value));
    }
    return object;
}

static json_t *number (uint64_t value)
{
    return json_integer ((json_int_t) value);
}

/*  Its wall clock: the broker's time in its zone, as it said it last, with the offset of its clock.  */
static json_t *local_time (const wire_target_row *row, int64_t now_us)
{
    const int64_t offset_s = row->utc_offset_s;
    const int64_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    BG_AUTO_BUF text = {0};
    if (row->last_seen_us == 0)
        return json_null ();
    const int64_t wall_us = now_us + row->clock_offset_us + offset_s * 1000000;
    ctl_times_rfc3339 (wall_us - wall_us % 1000000, &text);
    text.size--; /*  the Z  */
    bg_buf_printf (
        &text, "%c%02" PRId64 ":%02" PRId64, offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return json_string (bg_buf_cstr (&text));
}

/*  Why the state is what it is, as a sentence.  */
static void state_text (const wire_target_row *row, int64_t now_us, bg_buf *out)
{
    BG_AUTO_BUF span = {0};
    const int64_t since_us = now_us - (row->last_seen_us ? row->last_seen_us : row->enlisted_us);
    ctl_times_span (since_us > 0 ? since_us - since_us % 1000000 : 0, &span);
    switch (row->state) {
    case WIRE_TARGET_NORMAL:
        bg_buf_append_str (out, "connected, and has taken over what it was sent");
        if (row->unread > 0) {
            bg_buf_clear (out);
            bg_buf_printf (out, "connected; %" PRIu64 " on the way to it", row->unread);
        }
        break;
    case WIRE_TARGET_PROVISIONAL:
        bg_buf_append_str (out, "enlisted with a token; no admin has confirmed it yet");
        break;
    case WIRE_TARGET_SUSPECTED_OFFLINE:
        bg_buf_printf (out, "not heard of for %s", bg_buf_cstr (&span));
        break;
    case WIRE_TARGET_QUARANTINED:
        bg_buf_printf (out, "refused %" PRIu64 " of what it was sent, everything else is in force",
            row->quarantined);
        break;
    case WIRE_TARGET_WAITING:
        bg_buf_append_str (out, "holds something that needs something else first");
        break;
    case WIRE_TARGET_DEFECTED:
        bg_buf_append_str (out,
            row->cut ? "has left; its key is refused" : "is removed, but has not heard of it yet");
        break;
    case WIRE_TARGET_NEVER_SEEN:
        bg_buf_printf (out, "enlisted %s ago and not heard of since", bg_buf_cstr (&span));
        break;
    default:
        bg_buf_append_str (out, "unknown");
    }
}

json_t *ctl_target_json (const wire_target_row *row, int64_t now_us)
{
    const char *state = wire_target_state_word (row->state);
    const char *delivery = wire_delivery_state_word (row->membership_state);
    BG_AUTO_BUF why = {0};
    state_text (row, now_us, &why);
    json_t *object = json_object ();
    json_object_set_new (object, "name", ctl_json_slice (row->name));
    json_object_set_new (object, "id", ctl_json_id (row->id));
    json_object_set_new (object, "number", number (row->number));
    json_object_set_new (object, "state", json_string (state != NULL ? state : "unknown"));
    json_object_set_new (object, "state_text", json_string (bg_buf_cstr (&why)));
    json_object_set_new (object, "connected", json_boolean (row->connected));
    json_object_set_new (object, "provisional", json_boolean (row->provisional));
    json_object_set_new (object, "location", ctl_json_text_or_null (row->location));
    json_object_set_new (object, "groups", ctl_json_slices (row->groups, row->groups_count));
    json_object_set_new (object, "labels", pairs_json (row->labels, row->labels_count));
    json_object_set_new (object, "facts", pairs_json (row->facts, row->facts_count));
    json_object_set_new (object, "zone", ctl_json_text_or_null (row->zone));
    json_object_set_new (object, "utc_offset_s", json_integer (row->utc_offset_s));
    json_object_set_new (object, "local_time", local_time (row, now_us));
    json_object_set_new (object, "version", ctl_json_text_or_null (row->version));
    json_object_set_new (object, "enlisted", ctl_json_time (row->enlisted_us));
    json_object_set_new (object, "enlisted_by", ctl_json_text_or_null (row->enlisted_by));
    json_object_set_new (object, "last_poll", ctl_json_time (row->last_poll_us));
    json_object_set_new (object, "last_seen", ctl_json_time (row->last_seen_us));
    json_object_set_new (object, "poll_interval_s", ctl_json_seconds ((int64_t) row->poll_us));
    json_object_set_new (object, "clock_offset_s", ctl_json_seconds (row->clock_offset_us));
    json_object_set_new (object, "unread", number (row->unread));
    json_object_set_new (object, "quarantined", number (row->quarantined));
    json_object_set_new (object, "running", number (row->running));
    json_object_set_new (object, "waiting_runs", number (row->waiting_runs));
    json_object_set_new (object, "membership_version", number (row->membership_version));
    json_object_set_new (object, "membership_revision", number (row->membership_revision));
    json_object_set_new (
        object, "membership_state", json_string (delivery != NULL ? delivery : "unknown"));
    json_object_set_new (object, "membership_changed", ctl_json_time (row->membership_us));
    json_object_set_new (object, "boot_counter", number (row->boot_counter));
    json_object_set_new (object, "defected", ctl_json_time (row->defected_us));
    json_object_set_new (object, "key_refused", json_boolean (row->cut));
    return object;
}

json_t *ctl_target_variables_json (const wire_target_row *row)
{
    BG_AUTO_ARENA arena = {0};
    wire_document document;
    wire_membership body;
    if (!row->has_membership ||
        bg_failed (WIRE_DECODE (
            document, row->membership.bytes, WIRE_AS_SIGNED, &arena, &document, NULL)) ||
        bg_failed (WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &arena, &body, NULL)))
        return json_object ();
    return pairs_json (body.variables, body.variables_count);
}

void ctl_target_state_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    json_int_t count = json_integer_value (json_object_get (row, "quarantined"));
    bg_buf_append_str (text, json_string_value (json_object_get (row, "state")));
    if (count > 0)
        bg_buf_printf (text, " (%" JSON_INTEGER_FORMAT " failed)", count);
}

void ctl_target_local_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const char *value = json_string_value (json_object_get (row, "local_time"));
    if (value == NULL || strlen (value) < 25) {
        bg_buf_append_byte (text, '-');
        return;
    }
    /*  2026-03-01T13:00:05+01:00 -> 13:00:05 +01:00  */
    bg_buf_printf (text, "%.8s %s", value + 11, value + 19);
}

void ctl_offer_confirm (ctl_run *run, uint64_t provisional)
{
    if (provisional == 0 || run->client == NULL ||
        ctl_client_welcome (run->client)->role < WIRE_ROLE_ADMIN)
        return;
    ctl_note (run->out,
        "%" PRIu64
        " %s provisional: signed by a token only; countersign with: bugle target confirm --all",
        provisional, provisional == 1 ? "target is" : "targets are");
}
