/*  A small installation for tests: one admin, a broker, one target; makes and signs documents
    and deeds. Keys come from the seed, so two fixtures of one seed are the same. Everything
    made lives in the fixture's arena.  */
#ifndef BUGLE_TESTS_SIGNING_FIXTURE_H
#define BUGLE_TESTS_SIGNING_FIXTURE_H

#include "proto/trust.h"

typedef struct {
    bg_key public_key;
    uint8_t secret[64];
} fixture_pair;

typedef struct {
    const wire_crypto *crypto;
    bg_arena arena;
    bg_id installation;
    bg_id target;       /*  id of the target  */
    fixture_pair admin; /*  login "anna", role admin  */
    fixture_pair broker;
    fixture_pair stranger; /*  in no authority  */
    fixture_pair node;     /*  the target's own  */
    uint64_t version;      /*  counts up: each document takes the next one  */
    uint64_t deeds;        /*  counts up: ids  */
} signing_fixture;

void signing_fixture_init (signing_fixture *self, uint8_t seed);
void signing_fixture_fini (signing_fixture *self);

/*  An authority of that version, signed by the admin; fresh_until_us 0: no bound.  */
wire_signed fixture_authority (signing_fixture *self, uint64_t version, int64_t fresh_until_us);
/*  A membership named "db01" in the group "databases" with label role=db.  */
wire_signed fixture_membership (signing_fixture *self, uint64_t version, uint64_t state);
/*  A job for all targets with one step `/bin/true`, to be changed before it is signed.  */
wire_job fixture_job (signing_fixture *self, const char *name);
/*  Adds a step at the end; argv ends with NULL; script may be NULL (then argv is run).  */
wire_job_step *fixture_step (
    signing_fixture *self, wire_job *job, const char *name, const char *script, ...);
/*  A document with the next version (or fixed->version), of any type with a name.  */
wire_signed fixture_document (
    signing_fixture *self, wire_type type, const char *name, const void *body);
wire_signed fixture_document_as (signing_fixture *self, const wire_document *fixed,
    const void *body, const fixture_pair *signer);
/*  The fixed part of a document of this name, with the next version.  */
wire_document fixture_fixed (signing_fixture *self, wire_type type, const char *name);
/*  The poll interval of a target.  */
wire_signed fixture_poll_switch (signing_fixture *self, bg_id target, uint64_t poll_us);
wire_signed fixture_switch (
    signing_fixture *self, const char *job_name, bool disabled, int64_t until_us);
wire_signed fixture_withdrawal (signing_fixture *self, const char *job_name);
/*  A START or STOP of the job for everybody, to be changed before it is signed.  */
wire_deed fixture_deed (signing_fixture *self, uint64_t what, const char *job_name,
    int64_t issued_us, int64_t expires_us);
/*  A START for everybody that brings a one-shot job of its name, valid as long as the deed is: ten minutes from then
    on. job NULL: one step `/bin/true`. To be changed before it is signed.  */
wire_deed fixture_one_shot (signing_fixture *self, const char *name, const wire_job *job,
    int64_t issued_us, const fixture_pair *author);
wire_signed fixture_sign_deed (
    signing_fixture *self, const wire_deed *deed, const fixture_pair *signer);
/*  The broker's answer to bugle-exec's nonce.  */
wire_signed fixture_attestation (
    signing_fixture *self, const uint8_t exec_nonce[16], int64_t time_us);
/*  The same of a broker that has these versions of the authority and of the target's membership; the higher
    they are, the higher is its position.  */
wire_signed fixture_attestation_of (signing_fixture *self, const uint8_t exec_nonce[16],
    int64_t time_us, uint64_t authority, uint64_t membership);

#endif
