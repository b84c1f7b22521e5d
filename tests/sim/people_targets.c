/*  What people sign about targets, and what the broker has of them: see people_papers.h.  */
#include "tests/sim/oracle.h"
#include "tests/sim/people_papers.h"

typedef struct {
    const char *name;
    bool found;
    bg_arena *arena;
    uint64_t version;
    wire_membership body;
} member_search;

static bg_result search_member (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err)
{
    (void) marks;
    member_search *self = visitor;
    if (record->defected_us != 0 || !bg_slice_is (record->name, self->name))
        return bg_ok ();
    wire_signed outer;
    wire_document document;
    bg_slice bytes = bg_arena_copy (self->arena, record->membership);
    BG_TRY (WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, self->arena, &outer, err));
    BG_TRY (WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, self->arena, &document, err));
    BG_TRY (WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, self->arena, &self->body, err));
    self->version = document.version;
    self->found = true;
    return bg_ok ();
}

static bool find_member (sim_people *self, member_search *search)
{
    const broker_store *store = &self->world->broker.store;
    return bg_is_ok (store->targets (store->ctx, 0, 4000, search_member, search, NULL)) &&
           search->found;
}

bool sim_people_knows (sim_people *self, const char *name, bg_id target)
{
    BG_AUTO_ARENA arena = {0};
    member_search search = {.name = name, .arena = &arena};
    return find_member (self, &search) && bg_id_equal (search.body.target, target);
}

void sim_people_make_groups (sim_people *self, wire_membership *body)
{
    body->groups = bg_arena_array (&self->arena, bg_slice, 2);
    body->groups_count = 0;
    if (sim_chance (&self->rng, 600))
        body->groups[body->groups_count++] = sim_people_text (self, "g0");
    if (sim_chance (&self->rng, 400))
        body->groups[body->groups_count++] = sim_people_text (self, "g1");
    body->labels = bg_arena_array (&self->arena, wire_pair, 1);
    body->labels_count = 1;
    body->labels[0] = (wire_pair){sim_people_text (self, "role"),
        sim_people_text (self, sim_chance (&self->rng, 500) ? "db" : "web")};
}

/*  False when the broker has no live target of that name.  */
bool sim_people_post_membership (sim_people *self, int machine, bool leaves)
{
    member_search search = {.name = self->world->machines[machine].name, .arena = &self->arena};
    if (!find_member (self, &search))
        return false;
    search.body.has_token = false;
    search.body.token = (wire_signed){0};
    if (leaves) {
        search.body.state = WIRE_DEFECTED_MEMBER;
        /*  Not told, its key refused at once: it finds out by a claim.  */
        self->cut = sim_chance (&self->rng, 400);
    } else
        sim_people_make_groups (self, &search.body);
    wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .installation = self->world->installation,
        .key = search.body.target,
        .version = sim_people_next_version (self, search.version)};
    wire_signed item = sim_people_sign (self, &fixed, &search.body);
    self->machine = machine;
    self->type = WIRE_TYPE_MEMBERSHIP;
    self->version = fixed.version;
    sim_people_post (self, &item, search.version);
    return true;
}

/*  How often a target polls. The broker is asked for the switch that it has.  */
bool sim_people_set_poll (sim_people *self, int machine)
{
    static const int64_t every_s[] = {0, 10, 30, 300};
    const broker_store *store = &self->world->broker.store;
    member_search search = {.name = self->world->machines[machine].name, .arena = &self->arena};
    broker_document_record record = {0};
    bool found = false;
    if (!find_member (self, &search))
        return false;
    wire_switch body = {.object_type = WIRE_TYPE_MEMBERSHIP,
        .object_name = search.body.name,
        .object_key = search.body.target,
        .poll_us = (uint64_t) BG_SEC (every_s[sim_below (&self->rng, 4)])};
    bg_id_string id = bg_id_text (body.object_key);
    wire_document fixed = {.type = WIRE_TYPE_SWITCH,
        .installation = self->world->installation,
        .key = wire_switch_key (
            self->world->installation, WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text))};
    if (bg_failed (
            store->document_get (store->ctx, fixed.key, 0, &self->arena, &record, &found, NULL)))
        return false;
    fixed.version = sim_people_next_version (self, found ? record.version : 0);
    wire_signed item = sim_people_sign (self, &fixed, &body);
    self->job = -1;
    self->type = WIRE_TYPE_SWITCH;
    sim_people_post (self, &item, found ? record.version : 0);
    return true;
}
