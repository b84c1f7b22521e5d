/*  Audiences: whom a document or deed is for. One function for broker and target.

    The parts of an audience are joined by or: all, one of the groups, the label selector, one of the names, one of the
    target numbers. Names and groups compare without regard to case (ASCII), labels byte by byte. An empty audience
    matches nobody.
*/
#ifndef BUGLE_PROTO_AUDIENCE_H
#define BUGLE_PROTO_AUDIENCE_H

#include "proto/wire.h"

static inline bool wire_audience_is_empty (const wire_audience *audience)
{
    return !audience->all && audience->groups_count == 0 && audience->labels.size == 0 &&
           audience->names_count == 0 && audience->numbers_count == 0 &&
           audience->set_bits.size == 0;
}
/*  Whether the number is in set_bits.  */
bool wire_audience_in_set (const wire_audience *audience, uint64_t number);
/*  Puts target numbers into an audience that has none: one by one when they are few, else as a set. numbers ascend and
    are distinct. What is filled lives in the arena. BG_TOO_LARGE: they span more than 65,536.  */
bg_result wire_audience_set_numbers (wire_audience *audience, const uint32_t *numbers, size_t count,
    bg_arena *arena, bg_error *err) BG_CHECKED;
/*  A member that is defected is matched by nothing. A label selector that cannot be read matches nobody; see
    wire_audience_check.  */
bool wire_audience_matches (const wire_audience *audience, const wire_membership *member);
/*  The same from the parts that matter, for callers that hold no membership struct. A name of an audience also matches
    the text of the target's id.  */
typedef struct {
    bg_id target;
    uint64_t number;
    bg_slice name;
    const bg_slice *groups;
    size_t group_count;
    const wire_pair *labels;
    size_t label_count;
} wire_addressee;
bool wire_audience_matches_addressee (
    const wire_audience *audience, const wire_addressee *addressee);
/*  BG_INVALID: empty, or its selector, a name or a group is not well-formed.  */
bg_result wire_audience_check (const wire_audience *audience, bg_error *err) BG_CHECKED;
/*  Appends it for people: "all", "group web", "groups web, db", "labels role=db", "names db[01-03]", "targets #4, #7",
    joined by " or "; "nobody" when empty.  */
void wire_audience_text (const wire_audience *audience, bg_buf *out);

#endif
