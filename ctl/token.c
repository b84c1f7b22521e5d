/*  token create: a signed record for the broker, and the text that carries its secret to a machine.

    The seed exists here and in the text alone; the broker gets the public half. The broker's answer
    is compared with what the context trusts before anything goes into the text.  */
#include "common/base/now.h"
#include "common/job/names.h"
#include "common/sys/random.h"
#include "ctl/member_options.h"
#include "ctl/option_value.h"
#include "ctl/sign.h"
#include "ctl/target.h"
#include "ctl/times.h"
#include "proto/token_text.h"

#include <inttypes.h>
#include <string.h>

#define EXPIRES_US BG_HOUR (1)

/*  A pattern with a character that no name of a target has would be a token that fits nobody.  */
static bg_result check_letters (const char *names, bg_error *err)
{
    static const char fits[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*?";
    bool is_inside = false; /*  of brackets, which the pattern itself checks  */
    const char *at = names;
    for (; *at != '\0'; at++) {
        if (*at == '[' || *at == ']')
            is_inside = *at == '[';
        else if (!is_inside && strchr (fits, *at) == NULL)
            break;
    }
    if (*at == '\0')
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_USAGE, "--names '%s': no name of a target has %s", names,
        *at == ',' ? "a comma" : "such characters"));
    return bg_hint (err,
        "names have letters, digits and . _ -; a token has one pattern, as web* or "
        "db[01-20]");
}

/*  A token that replaces a target is for one machine, under that target's name.  */
static bg_result take_replace (ctl_run *run, wire_token *token, bg_error *err)
{
    const char *name = ctl_text (run->parsed, CTL_OPT_REPLACE, NULL);
    if (name == NULL)
        return bg_ok ();
    if (ctl_given (run->parsed, CTL_OPT_NAMES) || token->uses > 1)
        return bg_fail (err, BG_USAGE,
            "--replace is for one machine under that name: leave --names and --uses out");
    if (bg_failed (job_target_name_valid (bg_slice_str (name), err)))
        return ctl_value_refuse (err, "--replace", name);
    token->replace = token->names = bg_slice_str (name);
    return bg_ok ();
}

static bg_result take_options (ctl_run *run, wire_token *token, bg_error *err)
{
    const char *names = ctl_text (run->parsed, CTL_OPT_NAMES, NULL);
    token->uses = (uint64_t) ctl_number (run->parsed, CTL_OPT_USES, 1);
    if (token->uses > 1 && names == NULL) {
        bg_ignore (bg_fail (err, BG_USAGE, "a token with more than one use needs --names"));
        return bg_hint (err, "for example: --names 'web*'");
    }
    token->names = bg_slice_str (names != NULL ? names : "*");
    if (bg_failed (job_name_pattern_valid (token->names, err)))
        return ctl_value_refuse (err, "--names", names);
    BG_TRY (check_letters (bg_arena_str (&run->arena, token->names), err));
    BG_TRY (take_replace (run, token, err));
    BG_TRY (ctl_option_groups (run, &token->groups, &token->groups_count, err));
    BG_TRY (ctl_option_labels (run, &token->labels, &token->labels_count, err));
    return ctl_option_location (run, &token->location, err);
}

/*  The broker tells what the text carries; what we know already must agree.  */
static bg_result check_answer (
    ctl_client *client, const wire_token *token, const wire_token_created *created, bg_error *err)
{
    const wire_keyring *keyring = NULL;
    BG_TRY (ctl_client_authority (client, &keyring, err));
    if (!bg_key_equal (&created->token_key, &token->token_key))
        return bg_fail (err, BG_MALFORMED, "the broker answered for another token");
    if (!bg_key_equal (&created->broker_curve_key, wire_keyring_broker_curve_key (keyring)) ||
        memcmp (created->authority_hash, wire_keyring_hash (keyring), WIRE_HASH_BYTES) != 0)
        return bg_fail (
            err, BG_BAD_SIGNATURE, "the broker's answer names other keys than its authority");
    if (created->endpoints_count == 0)
        return bg_fail (err, BG_INVALID, "the broker does not say where targets find it");
    return bg_ok ();
}

static void encode_text (
    const ctl_client *client, const wire_token_created *created, const uint8_t *seed, bg_buf *out)
{
    wire_token_text text = {
        .endpoints = created->endpoints,
        .endpoints_count = created->endpoints_count,
        .broker_curve_key = created->broker_curve_key,
        .broker = ctl_client_welcome (client)->broker,
    };
    memcpy (text.authority_hash, created->authority_hash, sizeof text.authority_hash);
    memcpy (text.seed, seed, sizeof text.seed);
    wire_token_text_encode (&text, out);
    explicit_bzero (text.seed, sizeof text.seed);
}

static json_t *token_json (const wire_token *token, const char *text)
{
    json_t *labels = json_object ();
    for (size_t i = 0; i < token->labels_count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (token->labels[i].key);
        json_object_set_new (labels, key, ctl_json_slice (token->labels[i].value));
    }
    json_t *object = json_pack ("{s:s?, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "token", text, "uses",
        (json_int_t) token->uses, "names", ctl_json_slice (token->names), "groups",
        ctl_json_slices (token->groups, token->groups_count), "labels", labels, "location",
        ctl_json_text_or_null (token->location), "replace", ctl_json_text_or_null (token->replace),
        "expires", ctl_json_time (token->expires_us));
    bg_assert (object != NULL);
    return object;
}

static void say_what (ctl_run *run, const wire_token *token, bool dry_run)
{
    BG_AUTO_BUF until = {0};
    ctl_times_people (token->expires_us, ctl_output_get (run->out)->is_utc, &until);
    ctl_note (run->out, "%s for %" PRIu64 " %s, names %.*s, good until %s",
        dry_run ? "would make a token" : "token", token->uses,
        token->uses == 1 ? "machine" : "machines", BG_SLICE_ARG (token->names),
        bg_buf_cstr (&until));
    for (size_t i = 0; i < token->groups_count; i++)
        ctl_note (run->out, "  group %.*s", BG_SLICE_ARG (token->groups[i]));
    for (size_t i = 0; i < token->labels_count; i++)
        ctl_note (run->out, "  label %.*s=%.*s", BG_SLICE_ARG (token->labels[i].key),
            BG_SLICE_ARG (token->labels[i].value));
    if (token->location.size > 0)
        ctl_note (run->out, "  location %.*s", BG_SLICE_ARG (token->location));
    if (token->replace.size > 0)
        ctl_note (run->out, "  the target that is %.*s now defects when it is used",
            BG_SLICE_ARG (token->replace));
    if (!dry_run)
        ctl_note (run->out, "whoever has it can enlist a machine; there: bugle-node enlist --home "
                            "DIR --token @FILE");
}

static void print_token (ctl_run *run, const wire_token *token, bg_buf *text)
{
    ctl_form form = ctl_output_get (run->out)->form;
    if (form == CTL_FORM_JSON || form == CTL_FORM_JSONL || form == CTL_FORM_YAML)
        ctl_object (run->out, "token", NULL, 0, "token",
            token_json (token, text != NULL ? bg_buf_cstr (text) : NULL));
    else if (text != NULL)
        ctl_print (run->out, "%s\n", bg_buf_cstr (text));
}

static bg_result create (
    ctl_run *run, ctl_client *client, const wire_token *token, const uint8_t *seed, bg_error *err)
{
    wire_token_create request = {.has_token = true};
    wire_token_created *created = NULL;
    BG_TRY (ctl_sign_token (run, token, &request.token, err));
    BG_TRY (ctl_call (
        client, WIRE_TOKEN_CREATE, &request, WIRE_TOKEN_CREATED, (void **) &created, err));
    BG_TRY (check_answer (client, token, created, err));
    BG_AUTO_BUF text = {0};
    encode_text (client, created, seed, &text);
    say_what (run, token, false);
    print_token (run, token, &text);
    explicit_bzero (text.data, text.size);
    return bg_ok ();
}

/*  A name that nobody has needs no replacing: more likely it is mistyped.  */
static bg_result find_replaced (ctl_run *run, bg_slice name, bg_error *err)
{
    ctl_target_rows found;
    BG_TRY (ctl_targets_named (run, &name, 1, &found, err));
    if (found.count > 0 && found.rows[0].defected_us == 0)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "target '%.*s' has left already: its name is free",
        BG_SLICE_ARG (name)));
    return bg_hint (err, "leave --replace out");
}

bg_result ctl_token_create (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    wire_token token = {0};
    uint8_t seed[WIRE_SEED_BYTES];
    uint8_t secret[WIRE_SECRET_BYTES];
    BG_TRY (take_options (run, &token, err));
    BG_TRY (ctl_run_client (run, &client, err));
    token.issued_us = ctl_client_now_us (client);
    token.expires_us = token.issued_us + ctl_duration_us (run->parsed, CTL_OPT_EXPIRES, EXPIRES_US);
    if (token.replace.size > 0)
        BG_TRY (find_replaced (run, token.replace, err));
    if (ctl_given (run->parsed, CTL_OPT_DRY_RUN)) {
        say_what (run, &token, true);
        print_token (run, &token, NULL);
        return bg_ok ();
    }
    bg_random_bytes (seed, sizeof seed);
    wire_seed_keypair (seed, &token.token_key, secret);
    explicit_bzero (secret, sizeof secret);
    bg_result result = create (run, client, &token, seed, err);
    explicit_bzero (seed, sizeof seed);
    return result;
}
