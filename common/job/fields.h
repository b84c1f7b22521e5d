/*  The keys of job files: one table (fields.def) that the reader reads by and from which
    docs/reference/job-fields.md is made, so that what is documented is what is read.

    A row says its map, its key, what kind of value it takes, where the value goes in the wire struct
    of its map, its limits and default, and for the document what it means, what SQL Server Agent
    calls it, one text that is read, some that are refused, and the test that shows what it does. The
    generator has the reader read them all and prints what it says to the wrong ones; so the page
    cannot promise a sentence that does not come.

    A second table (agent.def) has a row for everything in sqlagent.md 5 to 8 and 11: which key it
    became, which command does it, or why it was not taken over.  */
#ifndef BUGLE_JOB_FIELDS_H
#define BUGLE_JOB_FIELDS_H

#include "common/base/slice.h"
#include "proto/wire.h"

typedef enum {
    JOB_MAP_JOB = 0,
    JOB_MAP_START,
    JOB_MAP_HISTORY,
    JOB_MAP_TARGETS,
    JOB_MAP_SCHEDULE,
    JOB_MAP_REPEAT,
    JOB_MAP_STEP,
    JOB_MAP_RETRY,
    JOB_MAP_OUTPUT,
    JOB_MAP_LIMITS,
    JOB_MAP_SHARED,
    JOB_MAP_CALENDAR,
    JOB_MAP_RANGE,
    JOB_MAP_COUNT
} job_map;

typedef enum {
    JOB_FIELD_LATER = 0, /*  of a later version: refused as such  */
    JOB_FIELD_TOGETHER,  /*  looked at together with other keys by the reader of its map  */
    JOB_FIELD_PART,      /*  read by a function of its own  */
    JOB_FIELD_NAME,      /*  of an object: 1 to 128 characters, names.h  */
    JOB_FIELD_LINE,      /*  text without line breaks  */
    JOB_FIELD_TEXT,      /*  text with line breaks and tabs  */
    JOB_FIELD_FLAG,      /*  words[0] is false in the struct, words[1] true  */
    JOB_FIELD_CHOICE,    /*  the number of the word in words  */
    JOB_FIELD_NUMBER,
    JOB_FIELD_DURATION, /*  microseconds  */
    JOB_FIELD_SIZE,     /*  bytes  */
    JOB_FIELD_DATE,     /*  YYYYMMDD  */
    JOB_FIELD_TIME,     /*  an instant, microseconds UTC  */
} job_field_kind;

/*  Private to the reader: yaml_read.h.  */
typedef struct job_yaml_reader job_yaml_reader;
typedef struct bg_yaml bg_yaml;
typedef void job_yaml_part (job_yaml_reader *self, const bg_yaml *value, void *target);

#define JOB_WORDS_MAX  6
#define JOB_PIECES_MAX 3
#define JOB_WRONG_MAX  6

typedef struct {
    job_map map;
    const char *key;
    job_field_kind kind;
    const char *member;  /*  of the wire struct of its map  */
    job_yaml_part *read; /*  of JOB_FIELD_PART  */
    const char *words[JOB_WORDS_MAX];
    uint64_t min, max;     /*  of numbers, durations and sizes; max 0: as the wire says  */
    uint64_t standard;     /*  that value is the default and stored as 0; 0: none  */
    const char *what;      /*  in sentences; NULL: the key  */
    const char *advice;    /*  added to "is at least"; may be NULL  */
    const char *value;     /*  for the page: the kind of value, where the kind does not say it  */
    const char *limits;    /*  for the page, where min and max do not say it  */
    const char *otherwise; /*  default, as words  */
    const char *meaning;
    const char *agent;                /*  the Agent's name; NULL: it has no such thing  */
    const char *right;                /*  the inside of a map with this key that is read  */
    const char *wrong[JOB_WRONG_MAX]; /*  ones that are refused because of it  */
    const char *test;                 /*  "unit/test_x.c:name", several with ", " between them  */
} job_field;

typedef struct {
    const char *title;     /*  of its section  */
    const char *what;      /*  "a step", in sentences  */
    const wire_desc *desc; /*  of the struct that its members are in; NULL: it has none  */
    job_map also;          /*  the keys of that map count, too; itself: none  */
    /*  A whole file around the inside of such a map: pieces are left out whose key it says.  */
    const char *before, *pieces[JOB_PIECES_MAX], *after;
} job_map_row;

/*  The rows in the order in which they are read; count is their number.  */
const job_field *job_fields (size_t *count);
const job_map_row *job_map_of (job_map map);
/*  Appends a whole file that has the inside of such a map in it: right or wrong of a row.  */
void job_field_file (job_map map, const char *inside, bg_buf *out);

/*  What became of one thing in the Agent's model.  */
typedef enum {
    JOB_AGENT_KEY,     /*  what: the key  */
    JOB_AGENT_COMMAND, /*  what: the command or view that does it  */
    JOB_AGENT_RULE,    /*  what: how it behaves here  */
    JOB_AGENT_NOT,     /*  not taken over; what: why  */
} job_agent_kind;

typedef struct {
    const char *section; /*  of sqlagent.md  */
    const char *name;    /*  the Agent's  */
    const char *type;    /*  type, limit and default there; may be empty  */
    job_agent_kind kind;
    const char *what;
    const char *test; /*  as above; NULL of what is not taken over  */
} job_agent_row;

const job_agent_row *job_agent_rows (size_t *count);

#endif
