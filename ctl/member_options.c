/*  Groups, labels and location from the command line: see member_options.h.  */
#include "ctl/member_options.h"

#include "common/base/utf8.h"
#include "common/job/names.h"
#include "common/job/selector.h"
#include "ctl/option_value.h"

#define GROUPS_MAX         32
#define LABELS_MAX         64
#define LOCATION_BYTES_MAX 200

bg_result ctl_option_groups (ctl_run *run, bg_slice **groups_p, size_t *count_p, bg_error *err)
{
    size_t given = 0, count = 0;
    const char *const *texts = ctl_list (run->parsed, CTL_OPT_GROUP, &given);
    if (given > GROUPS_MAX)
        return bg_fail (err, BG_USAGE, "a target can be in at most %d groups", GROUPS_MAX);
    bg_slice *groups = bg_arena_array (&run->arena, bg_slice, given);
    for (size_t i = 0; i < given; i++) {
        bg_slice group = bg_slice_str (texts[i]);
        if (bg_failed (job_group_name_valid (group, err)))
            return ctl_value_refuse (err, "--group", texts[i]);
        bool is_there = false;
        for (size_t j = 0; j < count; j++)
            is_there |= job_name_compare (groups[j], group) == 0;
        if (!is_there)
            groups[count++] = group;
    }
    *groups_p = groups;
    *count_p = count;
    return bg_ok ();
}

static bg_result take_label (const char *text, wire_pair *label, bg_error *err)
{
    const char *equals = strchr (text, '=');
    if (equals != NULL) {
        label->key = bg_slice_of (text, (size_t) (equals - text));
        label->value = bg_slice_str (equals + 1);
        if (bg_is_ok (job_label_valid (label->key, label->value, err)))
            return bg_ok ();
        return ctl_value_refuse (err, "--label", text);
    }
    bg_ignore (bg_fail (err, BG_USAGE, "--label takes KEY=VALUE, not '%s'", text));
    return bg_hint (err, "key and value are 1 to 63 letters, digits and . _ / -");
}

bg_result ctl_option_labels (ctl_run *run, wire_pair **labels_p, size_t *count_p, bg_error *err)
{
    size_t count = 0;
    const char *const *texts = ctl_list (run->parsed, CTL_OPT_LABEL, &count);
    if (count > LABELS_MAX)
        return bg_fail (err, BG_USAGE, "a target can have at most %d labels", LABELS_MAX);
    wire_pair *labels = bg_arena_array (&run->arena, wire_pair, count);
    for (size_t i = 0; i < count; i++) {
        BG_TRY (take_label (texts[i], &labels[i], err));
        for (size_t j = 0; j < i; j++) {
            if (bg_slice_equal (labels[j].key, labels[i].key))
                return bg_fail (
                    err, BG_USAGE, "label %.*s is given twice", BG_SLICE_ARG (labels[i].key));
        }
    }
    *labels_p = labels;
    *count_p = count;
    return bg_ok ();
}

bg_result ctl_option_location (ctl_run *run, bg_slice *location, bg_error *err)
{
    const bg_slice text = bg_slice_str (ctl_text (run->parsed, CTL_OPT_LOCATION, NULL));
    if (text.size > LOCATION_BYTES_MAX)
        return bg_fail (err, BG_USAGE, "--location has %zu bytes; %d are the most", text.size,
            LOCATION_BYTES_MAX);
    if (!bg_utf8_valid (text) || bg_has_control (text, false))
        return bg_fail (err, BG_USAGE, "--location holds characters that are no text");
    *location = text;
    return bg_ok ();
}
