/*  doctor, this side: the person's own files, the way to the broker, who we are there, clock and versions. In the order in
    which one hangs on the other.  */
#include "broker/home/home.h"
#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/probe.h"
#include "common/sys/random.h"
#include "ctl/doctor.h"
#include "ctl/status.h"
#include "ctl/times.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_US      BG_SEC (3)
#define CLOCK_WARN_US BG_SEC (2)
#define CLOCK_BAD_US  BG_MIN (1) /*  requests and deeds are refused beyond it  */

static void look_files (ctl_doctoring *self, ctl_config *config)
{
    bg_error err = {0};
    ctl_identity identity = {0};
    const char *dir = ctl_config_dir (config);
    if (!bg_path_exists (dir)) {
        ctl_doctor_say (self, CTL_DOCTOR_PROBLEM, "cli", "identity",
            "make a broker with bugle init, or your key with bugle key create", "%s is not there",
            dir);
        return;
    }
    if (bg_failed (bg_private_check (dir, &err)))
        ctl_doctor_failed (self, CTL_DOCTOR_WARNING, "cli", "files", &err);
    else
        ctl_doctor_say (self, CTL_DOCTOR_OK, "cli", "files", "", "%s is closed to others", dir);
    if (bg_failed (ctl_identity_load (config, &identity, &err)))
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "cli", "identity", &err);
    else
        ctl_doctor_say (
            self, CTL_DOCTOR_OK, "cli", "identity", "", "both keys are there and sound");
    ctl_identity_fini (&identity);
}

/*  The context that the commands would use; NULL when there is none.  */
static const ctl_context *look_context (ctl_doctoring *self, ctl_config *config)
{
    bg_error err = {0};
    const ctl_context *context = NULL;
    const char *name = ctl_text (self->run->parsed, CTL_OPT_CONTEXT, getenv ("BUGLE_CONTEXT"));
    if (bg_failed (ctl_contexts_find (config, name && *name ? name : NULL, &context, &err))) {
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "cli", "context", &err);
        return NULL;
    }
    ctl_doctor_say (self, CTL_DOCTOR_OK, "cli", "context", "", "%s, %s %s", context->name,
        context->home ? "in" : "at", context->home ? context->home : context->endpoint);
    return context;
}

/*  A broker of this machine: its own files, as far as we may look at them.  */
static void look_home (ctl_doctoring *self, const ctl_context *context)
{
    bg_error err = {0};
    broker_home home = {0};
    if (!context->home)
        return;
    bg_result result = broker_home_open (context->home, &home, NULL, &err);
    if (result.code == BG_NOT_ALLOWED)
        return;
    if (bg_failed (result))
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "broker", "home", &err);
    else
        ctl_doctor_say (
            self, CTL_DOCTOR_OK, "broker", "home", "", "%s is whole and private", context->home);
    broker_home_fini (&home);
}

/*  True when the socket is reached and is the broker's.  */
static bool look_way (ctl_doctoring *self, const ctl_context *context)
{
    bg_error err = {0};
    bg_probe probe;
    BG_AUTO_BUF endpoint = {0};
    BG_AUTO_BUF found = {0};
    BG_AUTO_BUF advice = {0};
    if (bg_failed (ctl_context_endpoint (context, &endpoint, &err)) ||
        bg_failed (
            bg_probe_run (bg_buf_cstr (&endpoint), &context->broker_key, PROBE_US, &probe, &err))) {
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "cli", "way", &err);
        return false;
    }
    bg_probe_say (&probe, &found);
    bg_probe_advise (&probe, &advice);
    const bool is_well = probe.state == BG_PROBE_WELL;
    ctl_doctor_say (self, is_well ? CTL_DOCTOR_OK : CTL_DOCTOR_PROBLEM, "cli", "way",
        is_well ? "" : bg_buf_cstr (&advice), "%s", bg_buf_cstr (&found));
    return is_well;
}

static void look_clock (ctl_doctoring *self)
{
    const int64_t apart_us = bg_clock_utc_us () - ctl_client_now_us (self->client);
    const int64_t size_us = apart_us < 0 ? -apart_us : apart_us;
    BG_AUTO_BUF span = {0};
    ctl_times_span (size_us - size_us % 1000, &span);
    if (size_us <= CLOCK_WARN_US)
        ctl_doctor_say (self, CTL_DOCTOR_OK, "cli", "clock", "", "as the broker's within 2s");
    else
        ctl_doctor_say (self, size_us > CLOCK_BAD_US ? CTL_DOCTOR_PROBLEM : CTL_DOCTOR_WARNING,
            "cli", "clock", "let both machines keep time by NTP: timedatectl",
            "this machine's clock is %s %s the broker's", bg_buf_cstr (&span),
            apart_us < 0 ? "behind" : "ahead of");
}

static void look_versions (ctl_doctoring *self)
{
    const wire_ops_welcome *welcome = ctl_client_welcome (self->client);
    if (bg_slice_equal (welcome->version, bg_slice_str (BUGLE_VERSION)))
        ctl_doctor_say (
            self, CTL_DOCTOR_OK, "cli", "version", "", "%s, as the broker", BUGLE_VERSION);
    else
        ctl_doctor_say (self, CTL_DOCTOR_WARNING, "cli", "version",
            "the broker is upgraded first, then targets, then the CLI",
            "bugle is %s, the broker is %.*s", BUGLE_VERSION, BG_SLICE_ARG (welcome->version));
}

static void look_login (ctl_doctoring *self)
{
    bg_error err = {0};
    const wire_keyring *keyring = NULL;
    const wire_status_query query = {.verbose = true};
    ctl_client *client = NULL;
    if (bg_failed (ctl_run_client (self->run, &client, &err))) {
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "cli", "login", &err);
        return;
    }
    self->client = client;
    const wire_ops_welcome *welcome = ctl_client_welcome (client);
    const char *role = wire_role_word (welcome->role);
    ctl_doctor_say (self, CTL_DOCTOR_OK, "cli", "login", "", "%.*s, %s",
        BG_SLICE_ARG (welcome->login), role ? role : "of a role that this version does not know");
    if (bg_failed (ctl_client_authority (client, &keyring, &err)))
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "cli", "authority", &err);
    else
        ctl_doctor_say (self, CTL_DOCTOR_OK, "cli", "authority", "",
            "version %llu follows from the one that was pinned",
            (unsigned long long) wire_keyring_version (keyring));
    look_clock (self);
    look_versions (self);
    if (bg_failed (ctl_call (
            client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **) &self->status, &err)))
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "broker", "status", &err);
}

void ctl_doctor_cli (ctl_doctoring *self)
{
    bg_error err = {0};
    ctl_config *config = NULL;
    bg_result result = bg_crypto_init (&err);
    if (bg_is_ok (result))
        result = ctl_run_config (self->run, &config, &err);
    if (bg_failed (result)) {
        ctl_doctor_failed (self, CTL_DOCTOR_PROBLEM, "cli", "files", &err);
        return;
    }
    look_files (self, config);
    const ctl_context *context = look_context (self, config);
    if (!context)
        return;
    look_home (self, context);
    if (look_way (self, context))
        look_login (self);
}
