/*  Deeds, requests and tokens that people sign: see people_papers.h.  */
#include "tests/sim/oracle.h"
#include "tests/sim/people_papers.h"

#include "proto/token_text.h"

#define TOKEN_US BG_HOUR (1)

/*  A deed with an id, times and whom it is for.  */
static wire_deed new_deed (sim_people *self, uint64_t what)
{
    static const int64_t lives_s[] = {20, 60, 180, 600};
    wire_deed body = {.installation = self->world->installation,
        .what = what,
        .issued_us = sim_people_us (self),
        .has_to = true};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    int64_t life_s = self->world->options.is_quiet ? 600 : lives_s[sim_below (&self->rng, 4)];
    body.expires_us = body.issued_us + BG_SEC (life_s);
    body.to.all = true;
    if (sim_chance (&self->rng, 400))
        sim_people_make_audience (self, &body.to);
    return body;
}

static void give (sim_people *self, const wire_deed *body)
{
    if (self->deed_count == self->deed_capacity) {
        self->deed_capacity = self->deed_capacity ? 2 * self->deed_capacity : 32;
        self->deeds = bg_realloc (self->deeds, self->deed_capacity * sizeof *self->deeds);
    }
    self->deed = self->deed_count;
    sim_signed_deed *deed = &self->deeds[self->deed_count++];
    *deed = (sim_signed_deed){.id = body->id,
        .what = body->what,
        .job_key = body->job_key,
        .job_name = body->job_name,
        .to = body->to,
        .issued_us = body->issued_us,
        .expires_us = body->expires_us};
    wire_signed_make (self->world->crypto, WIRE_TYPE_DEED, self->world->installation, body,
        self->world->admin.secret, &self->arena, &deed->item);
    wire_issue message = {.has_deed = true, .deed = deed->item};
    sim_people_ask (self, WIRE_ISSUE, &message);
}

void sim_people_issue (sim_people *self, int which, uint64_t what)
{
    wire_deed body = new_deed (self, what);
    if (what != WIRE_DEED_POLL) {
        body.job_key = self->jobs[which].key;
        body.job_name = bg_slice_str (self->jobs[which].name);
    }
    give (self, &body);
}

/*  bugle run: a job of its own inside the START.  */
void sim_people_run_once (sim_people *self)
{
    wire_deed body = new_deed (self, WIRE_DEED_START);
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    wire_job job = {.name = bg_slice_str ("run: something"),
        .has_audience = true,
        .audience = body.to,
        .max_starts = 1};
    sim_people_make_steps (self, &job);
    wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = self->world->installation,
        .key = bg_id_make (body.issued_us, entropy),
        .version = sim_people_next_version (self, 0),
        .not_after_us = body.expires_us};
    body.job_key = fixed.key;
    body.job_name = job.name;
    body.has_document = true;
    body.document = sim_people_sign (self, &fixed, &job);
    sim_people_remember_job (self, &fixed, &job, &body.document);
    self->versions[self->version_count - 1].one_shot = true;
    give (self, &body);
}

/*  bugle exec cancel, of any START there ever was.  */
bool sim_people_cancel (sim_people *self)
{
    if (self->deed_count == 0)
        return false;
    const sim_signed_deed *start = &self->deeds[sim_below (&self->rng, (int64_t) self->deed_count)];
    if (start->what != WIRE_DEED_START || bg_id_is_zero (start->job_key))
        return false;
    wire_deed body = new_deed (self, WIRE_DEED_STOP);
    body.to = (wire_audience){.all = true};
    body.job_key = start->job_key;
    body.job_name = start->job_name;
    body.exec = start->id;
    give (self, &body);
    return true;
}

void sim_people_resync (sim_people *self)
{
    wire_request body = {.installation = self->world->installation,
        .what = WIRE_REQUEST_RESYNC,
        .issued_us = sim_people_us (self),
        .has_to = true,
        .full = sim_chance (&self->rng, 300)};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    sim_people_make_audience (self, &body.to);
    wire_ask_request message = {.has_request = true};
    wire_signed_make (self->world->crypto, WIRE_TYPE_REQUEST, self->world->installation, &body,
        self->world->admin.secret, &self->arena, &message.request);
    sim_people_ask (self, WIRE_REQUEST, &message);
}

void sim_people_make_token (sim_people *self)
{
    BG_AUTO_ARENA arena = {0};
    uint8_t secret[64];
    wire_membership like = {0};
    sim_people_make_groups (self, &like);
    wire_token body = {.installation = self->world->installation,
        .names = bg_slice_str ("*"),
        .groups = like.groups,
        .groups_count = like.groups_count,
        .labels = like.labels,
        .labels_count = like.labels_count,
        .issued_us = sim_people_us (self),
        .uses = 20,
        .authority = self->authority_version};
    body.expires_us = body.issued_us + TOKEN_US;
    sim_fill (&self->rng, self->token_seed, sizeof self->token_seed);
    wire_seed_keypair (self->token_seed, &body.token_key, secret);
    wire_signed record;
    wire_signed_make (self->world->crypto, WIRE_TYPE_TOKEN, self->world->installation, &body,
        self->world->admin.secret, &arena, &record);
    self->token_expires_us = body.expires_us;
    wire_token_create message = {.has_token = true, .token = record};
    sim_people_ask (self, WIRE_TOKEN_CREATE, &message);
}

void sim_people_token_made (sim_people *self, const wire_token_created *created)
{
    wire_token_text token = {.endpoints = created->endpoints,
        .endpoints_count = created->endpoints_count,
        .broker_curve_key = created->broker_curve_key,
        .broker = bg_slice_str ("sim")};
    memcpy (token.authority_hash, created->authority_hash, sizeof token.authority_hash);
    memcpy (token.seed, self->token_seed, sizeof token.seed);
    bg_buf_clear (&self->token_text);
    wire_token_text_encode (&token, &self->token_text);
    self->has_token = true;
}

void sim_people_resume (sim_people *self)
{
    wire_ask_request message = {.has_request = true};
    wire_request body = {.installation = self->world->installation,
        .what = WIRE_REQUEST_RESUME,
        .issued_us = sim_people_us (self)};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    wire_signed_make (self->world->crypto, WIRE_TYPE_REQUEST, self->world->installation, &body,
        self->world->admin.secret, &self->arena, &message.request);
    self->wants_resume = false;
    sim_people_ask (self, WIRE_REQUEST, &message);
}
