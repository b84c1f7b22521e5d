/*  A broker that plays a script: see ctl_fake.h.  */
#include "ctl_fake.h"

#include "common/base/now.h"
#include "ctl/handlers.h"
#include "ctl/sign.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct ctl_client {
    ctl_run *run;
    fake_run *script;
};

static const bg_id installation = {{7}};

bg_id fake_id (uint8_t last)
{
    bg_id id = {{1, 2, 3, 4, 5, 6}};
    id.bytes[BG_ID_BYTES - 1] = last;
    return id;
}

/*  ---- the script ----  */

static fake_step *next_step (fake_run *self, wire_kind kind)
{
    assert_true (self->step_count < FAKE_STEPS);
    fake_step *step = &self->steps[self->step_count++];
    step->kind = kind;
    return step;
}

void fake_answer (fake_run *self, wire_kind kind, const void *answer)
{
    next_step (self, kind)->answer = answer;
}

void fake_error (fake_run *self, wire_kind kind, bg_code code, const char *message)
{
    bg_ignore (bg_fail (&next_step (self, kind)->error, code, "%s", message));
}

void fake_event_row (fake_run *self, const wire_exec_row *row)
{
    self->events[self->event_count++] = (fake_event){.row = row};
}

void fake_event_code (fake_run *self, bg_code code)
{
    self->events[self->event_count++] = (fake_event){.code = code};
}

/*  ---- in place of ctl/client.c ----  */

bg_result ctl_client_open (ctl_run *run, const ctl_context *context, const ctl_identity *identity,
    ctl_client **client, bg_error *err)
{
    (void) run;
    (void) context;
    (void) identity;
    (void) client;
    return bg_fail (err, BG_UNREACHABLE, "no broker in this test");
}

void ctl_client_close (ctl_client **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

const wire_ops_welcome *ctl_client_welcome (const ctl_client *self)
{
    (void) self;
    return NULL;
}

const ctl_context *ctl_client_context (const ctl_client *self)
{
    (void) self;
    return NULL;
}

const ctl_identity *ctl_client_identity (const ctl_client *self)
{
    (void) self;
    return NULL;
}

bg_result ctl_client_authority (ctl_client *self, const wire_keyring **keyring, bg_error *err)
{
    *keyring = self->script->keyring;
    return *keyring ? bg_ok () : bg_fail (err, BG_UNREACHABLE, "no broker in this test");
}

bool ctl_client_trusts_authority (const ctl_client *self, const uint8_t hash[32])
{
    (void) self;
    (void) hash;
    return true;
}

int64_t ctl_client_now_us (const ctl_client *self)
{
    (void) self;
    return FAKE_NOW_US;
}

bg_result ctl_call (ctl_client *self, wire_kind kind, const void *request, wire_kind expected,
    void **answer, bg_error *err)
{
    fake_run *script = self->script;
    (void) expected;
    assert_true (script->calls < script->step_count);
    fake_step *step = &script->steps[script->calls];
    assert_int_equal (kind, step->kind);
    const wire_desc *desc = wire_kind_find (kind)->desc;
    assert_true (bg_is_ok (wire_check (desc, request, err)));
    void *copy = bg_arena_alloc (&script->arena, desc->size);
    wire_copy (desc, &script->arena, request, copy);
    script->requests[script->calls++] = copy;
    if (!step->answer) {
        if (err)
            *err = step->error;
        return (bg_result){step->error.code};
    }
    *answer = (void *) (uintptr_t) step->answer;
    return bg_ok ();
}

bg_result ctl_send (ctl_client *self, wire_kind kind, const void *request, bg_error *err)
{
    (void) request;
    (void) err;
    assert_int_equal (kind, WIRE_EXEC_WATCH);
    self->script->watches++;
    return bg_ok ();
}

bg_result ctl_receive (ctl_client *self, wire_kind expected, int64_t timeout_us, bg_arena *arena,
    void **answer, bg_error *err)
{
    fake_run *script = self->script;
    assert_int_equal (expected, WIRE_EXEC_STATE);
    if (script->received == script->event_count) {
        /*  What a silent socket does: the caller's own time passes.  */
        (void) poll (NULL, 0, (int) (timeout_us / 1000));
        return bg_fail (err, BG_TIMEOUT, "nothing came");
    }
    const fake_event *event = &script->events[script->received++];
    if (event->code == BG_INTERRUPTED)
        (void) raise (SIGINT);
    if (event->code != BG_OK)
        return bg_fail (err, event->code, "as the script says");
    wire_exec_state *state = bg_arena_alloc (arena, sizeof *state);
    wire_copy (&wire_desc_exec_row, arena, event->row, &state->row);
    state->has_row = true;
    *answer = state;
    return bg_ok ();
}

bg_result ctl_client_reconnect (ctl_client *self, int64_t timeout_us, bg_error *err)
{
    (void) timeout_us;
    self->script->reconnects++;
    if (self->script->reconnects <= self->script->reconnects_fail)
        return bg_fail (err, BG_UNREACHABLE, "nobody is there");
    return bg_ok ();
}

/*  ---- in place of ctl/sign.c ----  */

static wire_signed sign_document (
    bg_arena *arena, wire_type type, bg_id key, uint64_t last_version, const void *body)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    bg_key public_key;
    wire_keypair ((const uint8_t[32]){1}, &public_key, secret);
    uint64_t now_ms = FAKE_NOW_US / 1000;
    const wire_document fixed = {.type = type,
        .installation = installation,
        .key = key,
        .version = last_version + 1 > now_ms ? last_version + 1 : now_ms};
    wire_signed out;
    wire_document_make (wire_crypto_sodium (), &fixed, body, secret, arena, &out);
    return out;
}

wire_signed fake_signed (bg_arena *arena, wire_type type, const void *body, uint64_t version)
{
    return sign_document (arena, type, fake_id (1), version - 1, body);
}

bg_result ctl_sign_definition (ctl_run *run, wire_type type, bg_slice name, uint64_t last_version,
    const void *body, int64_t not_after_us, wire_signed *out, bg_error *err)
{
    (void) not_after_us;
    return ctl_sign_document (run, type, name, last_version, body, out, err);
}

bg_result ctl_sign_document (ctl_run *run, wire_type type, bg_slice name, uint64_t last_version,
    const void *body, wire_signed *out, bg_error *err)
{
    (void) err;
    *out = sign_document (
        &run->arena, type, wire_document_key (installation, type, name), last_version, body);
    return bg_ok ();
}

bg_result ctl_sign_document_key (ctl_run *run, wire_type type, bg_id key, uint64_t last_version,
    const void *body, wire_signed *out, bg_error *err)
{
    (void) err;
    *out = sign_document (&run->arena, type, key, last_version, body);
    return bg_ok ();
}

bg_result ctl_sign_deed (ctl_run *run, uint64_t what, bg_slice job_name, const wire_audience *to,
    bg_slice step, int64_t life_us, bg_slice reason, wire_deed *deed, wire_signed *out,
    bg_error *err)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    bg_key public_key;
    (void) err;
    wire_keypair ((const uint8_t[32]){1}, &public_key, secret);
    *deed = (wire_deed){.installation = installation,
        .id = fake_id (9),
        .what = what,
        .issued_us = FAKE_NOW_US,
        .expires_us = FAKE_NOW_US + life_us,
        .has_to = true,
        .to = *to,
        .job_name = job_name,
        .step = step,
        .reason = reason,
        .dry_run = run->rehearses};
    wire_signed_make (
        wire_crypto_sodium (), WIRE_TYPE_DEED, installation, deed, secret, &run->arena, out);
    return bg_ok ();
}

bg_result ctl_sign_one_shot (ctl_run *run, const wire_job *job, const wire_audience *to,
    int64_t life_us, bg_slice reason, wire_deed *deed, wire_signed *out, bg_error *err)
{
    return ctl_sign_deed (
        run, WIRE_DEED_START, job->name, to, (bg_slice){0}, life_us, reason, deed, out, err);
}

bg_result ctl_sign_cancel (ctl_run *run, const wire_deed *start, int64_t life_us, bg_slice reason,
    wire_deed *deed, wire_signed *out, bg_error *err)
{
    return ctl_sign_deed (run, WIRE_DEED_STOP, start->job_name, &start->to, (bg_slice){0}, life_us,
        reason, deed, out, err);
}

bg_result ctl_sign_token (ctl_run *run, const wire_token *token, wire_signed *out, bg_error *err)
{
    (void) run;
    (void) token;
    (void) out;
    return bg_fail (err, BG_UNREACHABLE, "no broker in this test");
}

bg_result ctl_post (ctl_run *run, const wire_post_item *items, size_t count, bool dry_run,
    wire_posted_item *rows, size_t *done, bg_error *err)
{
    wire_post request = {.items_count = count, .dry_run = dry_run};
    wire_posted *answer = NULL;
    *done = 0;
    request.items = bg_arena_array (&run->arena, wire_post_item, count);
    memcpy (request.items, items, count * sizeof *items);
    BG_TRY (ctl_call (run->client, WIRE_POST, &request, WIRE_POSTED, (void **) &answer, err));
    assert_int_equal (answer->items_count, count);
    memcpy (rows, answer->items, count * sizeof *rows);
    *done = count;
    return bg_ok ();
}

/*  Signed with a key that nobody knows: the test finds it in the ask_request.  */
bg_result ctl_request (
    ctl_run *run, const wire_request *ask, bool dry_run, wire_done **done, bg_error *err)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    bg_key public_key;
    wire_keypair ((const uint8_t[32]){1}, &public_key, secret);
    wire_request copy = *ask;
    copy.installation = installation;
    copy.id = fake_id (8);
    copy.issued_us = FAKE_NOW_US;
    wire_ask_request message = {.has_request = true, .dry_run = dry_run};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, installation, &copy, secret,
        &run->arena, &message.request);
    return ctl_call (run->client, WIRE_REQUEST, &message, WIRE_DONE, (void **) done, err);
}

/*  ---- running ----  */

/*  Words of a line; '' keeps blanks together. The text is changed.  */
static int split (char *line, char **argv, int most)
{
    int argc = 0;
    char *at = line;
    while (*at) {
        assert_true (argc < most);
        char stop = ' ';
        if (*at == '\'') {
            stop = '\'';
            at++;
        }
        argv[argc++] = at;
        at += strcspn (at, (char[]){stop, 0});
        if (*at)
            *at++ = 0;
        while (*at == ' ')
            at++;
    }
    return argc;
}

static int input_of (const char *text)
{
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    if (text)
        assert_int_equal (write (ends[1], text, strlen (text)), (ssize_t) strlen (text));
    assert_int_equal (close (ends[1]), 0);
    return ends[0];
}

void fake_command (fake_run *self, const char *line, const char *input)
{
    BG_AUTO_CHAR words = bg_strdup (line);
    char *argv[32];
    int argc = split (words, argv, 32);
    size_t data_size = 0;
    size_t talk_size = 0;
    ctl_parsed *parsed = NULL;
    ctl_output_options options = {.data = open_memstream (&self->data, &data_size),
        .talk = open_memstream (&self->talk, &talk_size),
        .is_utc = true};
    self->result = ctl_parse (argc, argv, FAKE_NOW_US, &parsed, &self->err);
    if (bg_is_ok (self->result)) {
        options.is_quiet = ctl_given (parsed, CTL_OPT_QUIET);
        options.is_verbose = ctl_given (parsed, CTL_OPT_VERBOSE);
        assert_true (ctl_form_parse (ctl_text (parsed, CTL_OPT_OUTPUT, "table"), &options.form));
        ctl_run run = {
            .parsed = parsed, .out = ctl_output_create (&options), .input = input_of (input)};
        run.client = bg_alloc (sizeof *run.client);
        *run.client = (ctl_client){&run, self};
        self->result = ctl_handler_of (ctl_parsed_command (parsed)->id) (&run, &self->err);
        self->exit_code =
            bg_is_ok (self->result) ? run.exit_code : bg_code_exit (self->result.code);
        (void) close (run.input);
        ctl_output_destroy (&run.out);
        ctl_run_fini (&run);
    } else {
        self->exit_code = bg_code_exit (self->result.code);
    }
    ctl_parsed_destroy (&parsed);
    (void) fclose (options.data);
    (void) fclose (options.talk);
    assert_int_equal (self->calls, self->step_count);
    assert_int_equal (self->received, self->event_count);
}

void fake_fini (fake_run *self)
{
    free (self->data);
    free (self->talk);
    bg_arena_fini (&self->arena);
    *self = (fake_run){0};
}

void fake_posted (const fake_run *self, size_t index, size_t item, wire_document *document,
    const wire_desc *desc, void *body)
{
    const wire_post *post = self->requests[index];
    bg_arena *arena = (bg_arena *) (uintptr_t) &self->arena;
    assert_int_equal (self->steps[index].kind, WIRE_POST);
    assert_true (item < post->items_count);
    assert_true (bg_is_ok (WIRE_DECODE (
        document, post->items[item].document.bytes, WIRE_AS_SIGNED, arena, document, NULL)));
    assert_true (bg_is_ok (wire_decode (desc, document->body, WIRE_AS_SIGNED, arena, body, NULL)));
}

/*  ---- for the tests of commands ----  */

int fake_setup (void **state)
{
    *state = bg_alloc (sizeof (fake_run));
    return 0;
}

int fake_teardown (void **state)
{
    fake_fini (*state);
    free (*state);
    return 0;
}

void fake_done (const fake_run *run, int exit_code)
{
    if (bg_failed (run->result))
        fail_msg ("%s (%s)", run->err.message, run->err.hint);
    assert_int_equal (run->exit_code, exit_code);
}

void fake_refused (const fake_run *run, bg_code code, const char *part)
{
    assert_int_equal (run->result.code, code);
    if (!strstr (run->err.message, part) && !strstr (run->err.hint, part))
        fail_msg ("\"%s\" is not in \"%s\" (%s)", part, run->err.message, run->err.hint);
}

void fake_has (const char *text, const char *part)
{
    if (!strstr (text, part))
        fail_msg ("\"%s\" is not in \"%s\"", part, text);
}

void fake_slice (bg_slice slice, const char *want)
{
    if (!bg_slice_is (slice, want))
        fail_msg ("\"%.*s\" is not \"%s\"", BG_SLICE_ARG (slice), want);
}

const char fake_job_file[] =
    "job: nightly\ntargets: {group: web}\nsteps:\n  - {name: s, run: [\"true\"]}\n";

wire_job_row fake_job_row (bg_arena *arena)
{
    static bg_slice argv[] = {STR ("true")};
    static bg_slice web[] = {STR ("web")};
    static wire_job_step steps[] = {
        {.name = STR ("s"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 1}};
    const wire_job job = {.name = STR ("nightly"),
        .has_audience = true,
        .audience = {.groups = web, .groups_count = 1},
        .steps = steps,
        .steps_count = 1};
    return (wire_job_row){.name = STR ("nightly"),
        .key = fake_id (3),
        .version = 1000,
        .revision = 4,
        .targets = 5,
        .applied = 5,
        .has_document = true,
        .document = fake_signed (arena, WIRE_TYPE_JOB, &job, 1000),
        .switch_version = 77,
        .posted_us = FAKE_NOW_US - S,
        .posted_by = STR ("ann"),
        .audience = STR ("group web"),
        .steps = 1};
}

wire_history_row fake_failed_run (void)
{
    static wire_step_result steps[] = {{.step = 1,
        .name = STR ("s"),
        .state = WIRE_RESULT_FAILED,
        .exit_code = 2,
        .started_us = FAKE_NOW_US - 60 * S,
        .finished_us = FAKE_NOW_US - 57 * S,
        .output_bytes = 8,
        .tail = STR ("no disk\n")}};
    return (wire_history_row){.row = 9,
        .target = STR ("web1"),
        .has_run = true,
        .revision = 4,
        .run = {.run = fake_id (8),
            .job_name = STR ("nightly"),
            .state = WIRE_RUN_FAILED,
            .started_us = FAKE_NOW_US - 60 * S,
            .finished_us = FAKE_NOW_US - 57 * S,
            .steps = steps,
            .steps_count = 1}};
}
