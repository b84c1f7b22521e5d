/*  What stands under a name: see standing.h.  */
#include "ctl/standing.h"

#include "common/job/yaml_job.h"
#include "ctl/diff.h"
#include "ctl/job.h"
#include "ctl/shared.h"
#include "ctl/sign.h"

/*  Rows of jobs and of what they share have these by the same names.  */
#define TAKE_ROW(row, out)                                                                         \
    do {                                                                                           \
        (out)->is_here = true;                                                                     \
        (out)->name = (row)->name;                                                                 \
        (out)->key = (row)->key;                                                                   \
        (out)->version = (row)->version;                                                           \
        (out)->revision = (row)->revision;                                                         \
        (out)->targets = (row)->targets;                                                           \
        (out)->is_disabled = (row)->disabled;                                                      \
        (out)->enabled_until_us = (row)->enabled_until_us;                                         \
        (out)->switch_version = (row)->switch_version;                                             \
        (out)->switch_document = (row)->has_switch_document ? &(row)->switch_document : NULL;      \
        (out)->document = (row)->has_document ? &(row)->document : NULL;                           \
    } while (0)

ctl_standing ctl_standing_of_job (const wire_job_row *row)
{
    ctl_standing standing = {.type = WIRE_TYPE_JOB};
    TAKE_ROW (row, &standing);
    return standing;
}

ctl_standing ctl_standing_of_shared (wire_type type, const wire_document_row *row)
{
    ctl_standing standing = {.type = type};
    TAKE_ROW (row, &standing);
    return standing;
}

bg_result ctl_standing_look (
    ctl_run *run, wire_type type, bg_slice name, ctl_standing *out, bg_error *err)
{
    ctl_job_found job = {0};
    ctl_document_found shared = {0};
    *out = (ctl_standing){.type = type, .name = name};
    if (type == WIRE_TYPE_JOB) {
        BG_TRY (ctl_job_look (run, name, true, &job, err));
        out->version = job.withdrawn_version;
        if (job.row)
            *out = ctl_standing_of_job (job.row);
    } else {
        BG_TRY (ctl_document_look (run, type, name, &shared, err));
        out->version = shared.withdrawn_version;
        if (shared.row)
            *out = ctl_standing_of_shared (type, shared.row);
    }
    return bg_ok ();
}

bg_result ctl_standing_known (
    ctl_run *run, wire_type type, bg_slice name, ctl_standing *out, bg_error *err)
{
    BG_TRY (ctl_standing_look (run, type, name, out, err));
    if (out->is_here || out->version != 0)
        return bg_ok ();
    /*  Asked again for the sentence that names the nearest one.  */
    BG_AUTO_CHAR text = bg_slice_dup (name);
    const wire_job_row *job = NULL;
    const wire_document_row *shared = NULL;
    return type == WIRE_TYPE_JOB ? ctl_job_find (run, text, false, &job, err)
                                 : ctl_document_find (run, type, text, &shared, err);
}

/*  ---- definitions ----  */

bg_result ctl_definition_of (const wire_signed *document, wire_type type, bg_arena *arena,
    ctl_definition *definition, bg_error *err)
{
    wire_document fixed;
    const wire_desc *desc = wire_type_find (type)->desc;
    *definition = (ctl_definition){.type = type};
    BG_TRY (WIRE_DECODE (document, document->bytes, WIRE_AS_SIGNED, arena, &fixed, err));
    if (fixed.type != (uint64_t) type)
        return bg_fail (err, BG_MALFORMED, "the document is no %s", wire_type_word (type));
    void *made = bg_arena_alloc (arena, desc->size);
    BG_TRY (wire_decode (desc, fixed.body, WIRE_AS_SIGNED, arena, made, err));
    definition->body = made;
    definition->not_after_us = fixed.not_after_us;
    return bg_ok ();
}

bg_slice ctl_definition_name (const ctl_definition *self)
{
    switch (self->type) {
    case WIRE_TYPE_SCHEDULE:
        return ((const wire_schedule *) self->body)->spec.name;
    case WIRE_TYPE_CALENDAR:
        return ((const wire_calendar *) self->body)->name;
    default:
        return ((const wire_job *) self->body)->name;
    }
}

bool ctl_definition_equal (const ctl_definition *a, const ctl_definition *b)
{
    return a->body && b->body && a->type == b->type && a->not_after_us == b->not_after_us &&
           wire_equal (wire_type_find (a->type)->desc, a->body, b->body);
}

void ctl_definition_write (const ctl_definition *self, bg_buf *out)
{
    job_yaml_write_document (self->type, self->body, self->not_after_us, out);
}

void ctl_definition_diff (const ctl_definition *before, const ctl_definition *after, bg_buf *out)
{
    BG_AUTO_BUF old = {0};
    BG_AUTO_BUF new = {0};
    if (before->body)
        ctl_definition_write (before, &old);
    ctl_definition_write (after, &new);
    ctl_diff (bg_buf_slice (&old), bg_buf_slice (&new), out);
}

bg_result ctl_definition_sign (ctl_run *run, const ctl_definition *self, uint64_t last_version,
    wire_signed *out, bg_error *err)
{
    return ctl_sign_definition (run, self->type, ctl_definition_name (self), last_version,
        self->body, self->not_after_us, out, err);
}
