/*  Job files with mistakes, and what is said about each: "line:column message (nearest word)". Part
    of test_job_yaml.c; mistakes in schedules and steps are in job_yaml_part_mistakes.h.  */
#ifndef BUGLE_TESTS_JOB_YAML_MISTAKES_H
#define BUGLE_TESTS_JOB_YAML_MISTAKES_H

typedef struct {
    const char *text;
    const char *says;
} mistake;

static const mistake mistakes[] = {
    /*  a file without a job  */
    {"", "0:0 there is no job in this file; a job begins with job: NAME\n"},
    {"# nothing\n", "0:0 there is no job in this file; a job begins with job: NAME\n"},
    {"---\n"
     "---\n",
        "0:0 there is no job in this file; a job begins with job: NAME\n"},
    /*  documents that are no job  */
    {"[a, b]\n", "1:1 a job must be a map of keys and values, not a list\n"},
    {"word\n", "1:1 a job must be a map of keys and values, not a text\n"},
    {"schedule: x\n",
        "1:1 a schedule does not say when; write cron: \"30 2 * * *\", every: 5m, every: day with "
        "at: \"02:30\", once: 2026-12-24T18:00, when: node-start, or use: NAME\n"},
    /*  keys of a job  */
    {"targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:1 the job has no name; write job: NAME\n"},
    {"job: j\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:1 the job has no targets, so nobody would run it; write targets: {all: true}, or a "
        "group, labels or names\n"},
    {"job: j\n"
     "targets: {all: true}\n",
        "1:1 the job has no steps; write steps: with at least one\n"},
    {"{}\n", "1:1 the job has no name; write job: NAME\n"
             "1:1 the job has no targets, so nobody would run it; write targets: {all: true}, or a "
             "group, labels or names\n"
             "1:1 the job has no steps; write steps: with at least one\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "stepz: []\n",
        "4:1 unknown key \"stepz\" (steps)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "Targets: {}\n"
     "foo: 1\n",
        "4:1 unknown key \"Targets\" (targets)\n"
        "5:1 unknown key \"foo\"\n"},
    {"job:\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:1 \"job\" has no value\n"},
    {"job: [a]\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:6 name of a job must be a text, not a list\n"},
    {"job: a/b\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:6 name of a job: the name \"a/b\" holds a '/'\n"},
    {"job: \"a\\tb\"\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:7 name of a job: the name holds a control character\n"},
    {"job: \" a\"\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:7 name of a job: the name \" a\" begins or ends with a blank\n"},
    {"job: \"\"\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:7 name of a job: a name is missing\n"},
    {"job: "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "1:6 name of a job: the name has 129 characters, more than 128\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "category: a%b\n",
        "4:11 category: the name \"a%b\" holds a '%'\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "description: {a: b}\n",
        "4:14 description must be a text, not a map\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "description: \"a\\u0007\"\n",
        "4:14 description holds a control character\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "overlap: skipp\n",
        "4:10 overlap must be skip, queue or replace, not \"skipp\" (skip)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "overlap: [skip]\n",
        "4:10 overlap must be a text, not a list\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "job: again\n",
        "4:1 the key \"job\" is there twice, first in line 1\n"},
    /*  targets  */
    {"job: j\n"
     "targets: db01\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:10 targets must be a map of keys and values, not a text\n"},
    {"job: j\n"
     "targets: [db01]\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:10 targets must be a map of keys and values, not a list\n"},
    {"job: j\n"
     "targets: {}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:10 targets is empty, so nobody would run it; write {all: true} or {group: NAME}\n"},
    {"job: j\n"
     "targets: {all: false}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:16 all must be true, not \"false\"\n"},
    {"job: j\n"
     "targets: {all: true, group: web}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:10 \"all: true\" stands alone; with groups, labels or names it would still mean all\n"},
    {"job: j\n"
     "targets: {groupe: web}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:11 unknown key \"groupe\" (group)\n"},
    {"job: j\n"
     "targets: {group: \"a b\"}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:19 character 2 does not fit the name of a group; use letters, digits, '.', '_' and '-', "
        "and begin with a letter or a digit\n"},
    {"job: j\n"
     "targets: {group: all}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:18 \"all\" is reserved and cannot name a group\n"},
    {"job: j\n"
     "targets: {groups: web}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:19 groups must be a list, not a text; write [web, databases]\n"},
    {"job: j\n"
     "targets: {groups: []}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:19 groups must be a list, not an empty one; write [web, databases]\n"},
    {"job: j\n"
     "targets: {groups: [web, -x]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:25 character 1 does not fit the name of a group; use letters, digits, '.', '_' and '-', "
        "and begin with a letter or a digit\n"},
    {"job: j\n"
     "targets: {labels: \"role=db,\"}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:28 selector: a key is missing here\n"},
    {"job: j\n"
     "targets: {labels: \"\"}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:20 selector: it is empty; say all when all targets are meant\n"},
    {"job: j\n"
     "targets: {labels: {role: db}}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:19 labels must be a text, not a map; write \"role=db,env!=test\"\n"},
    {"job: j\n"
     "targets: {names: [\"db[01-200]\"]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:20 the list has more than 128 names\n"},
    {"job: j\n"
     "targets: {names: [\"db[3-1]\"]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:20 the range 3-1 between the brackets runs backwards\n"},
    {"job: j\n"
     "targets: {names: [\"a[1-100]\", \"b[1-100]\"]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:31 more than 128 names; put the targets into a group\n"},
    {"job: j\n"
     "targets: {names: [local]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:19 \"local\" is reserved and cannot name a target\n"},
    {"job: j\n"
     "targets: {names: [\"db 1\"]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:20 character 3 does not fit the name of a target; use letters, digits, '.', '_' and "
        "'-', and begin with a letter or a digit\n"},
    {"job: j\n"
     "targets: {names: [[a]]}\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:19 a target name must be a text, not a list\n"},
    {"job: j\n"
     "targets: {group: }\n"
     "steps: [{name: s, run: [x]}]\n",
        "2:11 \"group\" has no value\n"},
    /*  start  */
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: login\n",
        "4:8 start must be a map of keys and values, not a text\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {by: me}\n",
        "4:13 by must be login, broker or nobody, not \"me\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {by: nobodi}\n",
        "4:13 by must be login, broker or nobody, not \"nobodi\" (nobody)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: 4}\n",
        "4:18 at_most must be a number from 1 to 1000000 and a period, such as 4 per 1d, not "
        "\"4\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: 0 per 1d}\n",
        "4:18 at_most must be a number from 1 to 1000000 and a period, such as 4 per 1d, not \"0 "
        "per 1d\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: x per 1d}\n",
        "4:18 at_most must be a number from 1 to 1000000 and a period, such as 4 per 1d, not \"x "
        "per 1d\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: 4 per}\n",
        "4:18 at_most must be a number from 1 to 1000000 and a period, such as 4 per 1d, not \"4 "
        "per\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: 4 per day}\n",
        "4:24 at_most: a duration is made of numbers, each followed by a unit; write durations as "
        "90s, 5m, 2h, 7d or 1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: 4 per 0s}\n",
        "4:24 the period of at_most is at least 1s\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {at_most: -4 per 1d}\n",
        "4:18 at_most must be a number from 1 to 1000000 and a period, such as 4 per 1d, not \"-4 "
        "per 1d\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {max_starts: 0}\n",
        "4:21 max_starts must be a whole number from 1 to 1000000\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {max_starts: 1.5}\n",
        "4:21 max_starts must be a whole number from 1 to 1000000\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {most: 3}\n",
        "4:9 unknown key \"most\" (at_most)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "start: {approve: two}\n",
        "4:9 \"approve\" is not in this version\n"},
    /*  environment  */
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: [A=1]\n",
        "4:14 environment must be a map, not a list; write {NAME: value}\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: {1A: x}\n",
        "4:15 \"1A\" cannot name an environment variable; use letters, digits and '_', and do not "
        "begin with a digit\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: {BUGLE_X: x}\n",
        "4:15 \"BUGLE_X\": names that begin with BUGLE_ are given by Bugle itself; choose another "
        "name\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: {A: }\n",
        "4:15 \"A\" has no value; write \"\" for an empty one\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: {A: [1]}\n",
        "4:18 an environment variable must be a text, not a list\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: {A: \"$(MACH)\"}\n",
        "4:19 the token $(MACH) has no escape macro; write $(ESCAPE_SHELL(MACH)), or use the "
        "environment variable BUGLE_MACH\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "environment: {A-B: x}\n",
        "4:15 \"A-B\" cannot name an environment variable; use letters, digits and '_', and do not "
        "begin with a digit\n"},
    /*  more than one at once  */
    {"job: a/b\n"
     "target: {all: true}\n"
     "schedules:\n"
     "- {name: t, cron: \"61 * * * *\", zone: Nowhere}\n"
     "steps:\n"
     "- {name: s, run: [x], on_failure: goto t, timeout: 5}\n"
     "- {name: s, as: root, run: [y]}\n",
        "1:1 the job has no targets, so nobody would run it; write targets: {all: true}, or a "
        "group, labels or names\n"
        "1:6 name of a job: the name \"a/b\" holds a '/'\n"
        "2:1 unknown key \"target\" (targets)\n"
        "4:20 cron: the minute 61 is outside 0 to 59\n"
        "4:39 there is no time zone \"Nowhere\" on this machine; see /usr/share/zoneinfo\n"
        "6:40 there is no step \"t\" in this job\n"
        "6:52 timeout: a number without a unit does not say how long; write durations as 90s, 5m, "
        "2h, 7d or 1h30m\n"
        "7:10 the name \"s\" is taken by the step in line 6\n"},
    {"job: a\n"
     "targets: {all: true}\n"
     "steps: [{name: s}]\n"
     "---\n"
     "job: a\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n",
        "3:9 a step has nothing to do; write run: [program, argument] or script: ...\n"
        "5:6 the job \"a\" is already in line 1\n"},
    /*  not YAML, or not our part of it  */
    {"job: [\n",
        "2:1 not valid YAML: did not find expected node content while parsing a flow node\n"},
    {"job: &x j\n", "1:6 anchors (&name) are not allowed; write the value out\n"},
    {"\tjob: j\n", "1:1 a tab cannot be used here; indent with spaces\n"},
};

#endif
