/*  Questions to one target on behalf of a login: ASK_TARGET becomes an ASK at the target's desk, its
    TOLD becomes the TARGET_TOLD of who asked.

    Nothing of a question is stored and nothing hangs on it: who does not get an answer in time hears
    so. A question belongs to the session it was sent in; what another target, or another session of
    the same one, tells is no answer.

    Invariant: at most BROKER_QUESTIONS_MAX are open, and each is over by its time.  */
#include "broker/core/rooms.h"

static broker_question *question_with_id (const broker_core *self, bg_id id)
{
    broker_question *question = NULL;
    HASH_FIND (hh, self->questions, &id, sizeof id, question);
    return question;
}

void broker_question_free (broker_core *self, broker_question *question)
{
    HASH_DEL (self->questions, question);
    free (question);
}

static bg_result check_target (
    const broker_core *self, const broker_target *target, bg_now now, bg_error *err)
{
    if (!broker_target_is_member (target)) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "target '%s' has defected", target->name));
        return bg_hint (err, "see: bugle target show '%s'", target->name);
    }
    if (broker_target_is_connected (self, target, now))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_OFFLINE, "target '%s' is not connected", target->name));
    return bg_hint (err, "see what is known of it: bugle target show '%s'", target->name);
}

bg_result broker_on_ask_target (broker_request *request, bg_error *err)
{
    const wire_ask_target *ask = request->body;
    broker_core *self = request->core;
    broker_target *target = NULL;
    BG_TRY (broker_target_find (self, ask->target, &target, err));
    BG_TRY (check_target (self, target, request->now, err));
    if (HASH_COUNT (self->questions) >= BROKER_QUESTIONS_MAX) {
        bg_ignore (bg_fail (err, BG_OVERLOADED, "too many targets are being asked at once"));
        return bg_hint (err, "repeat the command");
    }
    broker_question *question = bg_alloc (sizeof *question);
    question->id = broker_make_id (self, request->now);
    question->asker = request->message->peer;
    question->request = request->header.request;
    question->number = target->number;
    question->session = target->session;
    question->until_mono_us = request->now.mono_us + BROKER_QUESTION_US;
    HASH_ADD (hh, self->questions, id, sizeof question->id, question);
    if (question->until_mono_us < self->question_mono_us)
        self->question_mono_us = question->until_mono_us;
    broker_send (
        self, WIRE_ON_DESK, &target->curve_key, WIRE_ASK, question->id, target->session, &ask->ask);
    return bg_ok ();
}

bg_result broker_on_told (broker_request *request, bg_error *err)
{
    (void) err;
    const wire_told *told = request->body;
    broker_core *self = request->core;
    const broker_target *target = request->target;
    const bg_id none = {0};
    broker_question *question = question_with_id (self, request->header.request);
    if (!question || question->number != target->number ||
        !bg_id_equal (question->session, target->session)) {
        broker_count (self, "told-unasked");
        return bg_ok ();
    }
    const wire_target_told answer = {
        .target = bg_slice_str (target->name), .has_told = true, .told = *told};
    broker_send (
        self, WIRE_ON_OPS, &question->asker, WIRE_TARGET_TOLD, question->request, none, &answer);
    broker_question_free (self, question);
    return bg_ok ();
}

/*  ---- no answer ----  */

static void give_up (broker_core *self, const broker_question *question)
{
    BG_AUTO_ARENA arena = {0};
    const bg_id none = {0};
    const broker_target *target = broker_target_at (self, question->number);
    bg_error why = {0};
    bg_ignore (bg_fail (&why, BG_TIMEOUT, "target '%s' did not answer within %lld s", target->name,
        (long long) (BROKER_QUESTION_US / BG_SEC (1))));
    bg_ignore (bg_hint (&why, "it may have gone a moment ago; repeat the command"));
    wire_error answer;
    wire_error_from (&why, &arena, &answer);
    broker_count (self, "question-unanswered");
    broker_send (self, WIRE_ON_OPS, &question->asker, WIRE_ERROR, question->request, none, &answer);
}

void broker_questions_expire (broker_core *self, bg_now now)
{
    self->question_mono_us = INT64_MAX;
    for (broker_question *question = self->questions, *next; question; question = next) {
        next = question->hh.next;
        if (now.mono_us >= question->until_mono_us) {
            give_up (self, question);
            broker_question_free (self, question);
        } else if (question->until_mono_us < self->question_mono_us)
            self->question_mono_us = question->until_mono_us;
    }
}
