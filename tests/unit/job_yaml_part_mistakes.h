/*  Mistakes in the schedules and steps of job files, and what is said about each, as in job_yaml_mistakes.h. Part
    of test_job_yaml.c.  */
#ifndef BUGLE_TESTS_JOB_YAML_PART_MISTAKES_H
#define BUGLE_TESTS_JOB_YAML_PART_MISTAKES_H

#include "tests/unit/job_yaml_mistakes.h"

static const mistake part_mistakes[] = {
    /*  schedules  */
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "  name: x\n",
        "5:3 schedules must be a list, not a map; write - {name: nightly, cron: \"30 2 * * *\"}\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- nightly\n",
        "5:3 a schedule must be a map of keys and values, not a text\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a}\n",
        "5:3 a schedule does not say when; write cron: \"30 2 * * *\", every: 5m, every: day with "
        "at: \"02:30\", once: 2026-12-24T18:00, when: node-start, or use: NAME\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {cron: \"@daily\"}\n",
        "5:3 a schedule has no name; write name: nightly\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\", every: 5m}\n",
        "5:29 a schedule has either cron or every, not both; make two of it\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"0 12 * *\"}\n",
        "5:20 cron: 4 fields instead of 5, or 6 with seconds first; the fields are minute, hour, "
        "day of month, month, day of week: 30 2 * * 1-5\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"0 12 30 2 *\"}\n",
        "5:25 cron: this never happens: no month has such a day; L is the last day of every "
        "month\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: 0 12 * * mox}\n",
        "5:28 cron: 'm' is not understood here in the day of week; names are the first three "
        "letters, such as sun\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"\"}\n",
        "5:19 cron is empty\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\", at: \"02:30\"}\n",
        "5:29 \"at\" belongs to every: day, week or month, not to cron\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: 5}\n",
        "5:20 every: a number without a unit does not say how long; write durations as 90s, 5m, "
        "2h, 7d or 1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: 500ms}\n",
        "5:20 every: milliseconds are too fine here; write durations as 90s, 5m, 2h, 7d or "
        "1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: 0s}\n",
        "5:20 every is at least 1s\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: 400d}\n",
        "5:20 every is at most 366d\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: dya, at: \"02:30\"}\n",
        "5:20 every must be a duration (90s, 5m, 2h, 7d), or day, week or month with a number "
        "before it if it is not 1 (2 weeks), not \"dya\" (day)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: fortnight}\n",
        "5:20 every must be a duration (90s, 5m, 2h, 7d), or day, week or month with a number "
        "before it if it is not 1 (2 weeks), not \"fortnight\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: week, at: \"02:30\"}\n",
        "5:20 every week needs days; write on: [mon, thu]\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: hour}\n",
        "5:20 every does not know \"hour\"; write every: 1h\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: day}\n",
        "5:20 every: day needs a time; write at: \"02:30\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: day, at: \"24:00\"}\n",
        "5:29 \"24:00\" is no time of the day; write \"HH:MM\" or \"HH:MM:SS\", 00:00 to "
        "23:59:59\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: day, at: 2:30}\n",
        "5:29 \"2:30\" is no time of the day; write \"HH:MM\" or \"HH:MM:SS\", 00:00 to "
        "23:59:59\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: day, at: \"02:30:61\"}\n",
        "5:29 \"02:30:61\" is no time of the day; write \"HH:MM\" or \"HH:MM:SS\", 00:00 to "
        "23:59:59\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: day, at: [1]}\n",
        "5:29 at is one time; make a schedule of each, or write cron: \"0 8,12,17 * * *\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: 5m, at: \"02:30\"}\n",
        "5:24 an interval has no \"at\"; write every: day, or cron\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, every: 5m, zone: UTC}\n",
        "5:30 an interval runs in elapsed time and has no zone; leave it out, or write cron\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\", zone: Europe/Berln}\n",
        "5:35 there is no time zone \"Europe/Berln\" on this machine; see /usr/share/zoneinfo\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\", zone: ../etc}\n",
        "5:35 \"../etc\" cannot name a time zone; write target, or a name such as Europe/Berlin\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\", zon: UTC}\n",
        "5:29 unknown key \"zon\" (on)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\", gap: egde, fold: x, misfire: never, splay: 1}\n",
        "5:34 gap must be edge, shift or skip, not \"egde\" (edge)\n"
        "5:46 fold must be first, second or both, not \"x\"\n"
        "5:58 misfire must be skip, last or all, not \"never\"\n"
        "5:72 splay: a number without a unit does not say how long; write durations as 90s, 5m, "
        "2h, 7d or 1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: \"@daily\"}\n"
     "- {name: A, every: 5m}\n",
        "6:10 the name \"A\" is taken by the schedule in line 5\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: a, cron: }\n",
        "5:13 \"cron\" has no value\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: [{name: s, run: [x]}]\n"
     "schedules:\n"
     "- {name: \"\", cron: \"@daily\"}\n",
        "5:11 name of a schedule: a name is missing\n"},
    {"job: j\ntargets: {all: true}\nsteps: [{name: s, run: [x]}]\nschedules:\n"
     "- {name: a0, every: 5m}\n- {name: a1, every: 5m}\n- {name: a2, every: 5m}\n- {name: a3, "
     "every: 5m}\n"
     "- {name: a4, every: 5m}\n- {name: a5, every: 5m}\n- {name: a6, every: 5m}\n- {name: a7, "
     "every: 5m}\n"
     "- {name: a8, every: 5m}\n- {name: a9, every: 5m}\n- {name: a10, every: 5m}\n- {name: a11, "
     "every: 5m}\n"
     "- {name: a12, every: 5m}\n- {name: a13, every: 5m}\n- {name: a14, every: 5m}\n- {name: a15, "
     "every: 5m}\n"
     "- {name: a16, every: 5m}\n- {name: a17, every: 5m}\n- {name: a18, every: 5m}\n- {name: a19, "
     "every: 5m}\n"
     "- {name: a20, every: 5m}\n- {name: a21, every: 5m}\n- {name: a22, every: 5m}\n- {name: a23, "
     "every: 5m}\n"
     "- {name: a24, every: 5m}\n- {name: a25, every: 5m}\n- {name: a26, every: 5m}\n- {name: a27, "
     "every: 5m}\n"
     "- {name: a28, every: 5m}\n- {name: a29, every: 5m}\n- {name: a30, every: 5m}\n- {name: a31, "
     "every: 5m}\n"
     "- {name: a32, every: 5m}\n- {name: a33, every: 5m}\n- {name: a34, every: 5m}\n- {name: a35, "
     "every: 5m}\n"
     "- {name: a36, every: 5m}\n- {name: a37, every: 5m}\n- {name: a38, every: 5m}\n- {name: a39, "
     "every: 5m}\n"
     "- {name: a40, every: 5m}\n- {name: a41, every: 5m}\n- {name: a42, every: 5m}\n- {name: a43, "
     "every: 5m}\n"
     "- {name: a44, every: 5m}\n- {name: a45, every: 5m}\n- {name: a46, every: 5m}\n- {name: a47, "
     "every: 5m}\n"
     "- {name: a48, every: 5m}\n- {name: a49, every: 5m}\n- {name: a50, every: 5m}\n- {name: a51, "
     "every: 5m}\n"
     "- {name: a52, every: 5m}\n- {name: a53, every: 5m}\n- {name: a54, every: 5m}\n- {name: a55, "
     "every: 5m}\n"
     "- {name: a56, every: 5m}\n- {name: a57, every: 5m}\n- {name: a58, every: 5m}\n- {name: a59, "
     "every: 5m}\n"
     "- {name: a60, every: 5m}\n- {name: a61, every: 5m}\n- {name: a62, every: 5m}\n- {name: a63, "
     "every: 5m}\n"
     "- {name: a64, every: 5m}\n",
        "5:1 a job has at most 64 schedules\n"},
    /*  steps  */
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: []\n",
        "3:8 steps must be a list, not an empty one; write - {name: dump, run: [pg_dumpall]}\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps: {name: s}\n",
        "3:8 steps must be a list, not a map; write - {name: dump, run: [pg_dumpall]}\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- s\n",
        "4:3 a step must be a map of keys and values, not a text\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s}\n",
        "4:3 a step has nothing to do; write run: [program, argument] or script: ...\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {run: [x]}\n",
        "4:3 a step has no name; write name: dump\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: x}\n",
        "4:18 run must be a list of a program and its arguments; for a line of shell write "
        "script\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: []}\n",
        "4:18 run must be a list, not an empty one; write [program, argument]\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [\"\"]}\n",
        "4:19 the program is empty\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x, ]}\n"
     "- {name: t, run: [x, [y]]}\n",
        "5:22 an argument must be a text, not a list\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x, \"a\\nb\"]}\n",
        "4:22 an argument holds a line break or tab\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- name: s\n"
     "  run: [x]\n"
     "  script: y\n",
        "6:3 a step has either run or script, not both; make two of it\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], shell: /bin/bash}\n",
        "4:23 shell belongs to script; run starts its program without one\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, script: \"\"}\n",
        "4:21 script is empty\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, script: [a]}\n",
        "4:21 script must be a text, not a list\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, script: x, shell: /bin/bash -e}\n",
        "4:31 shell with arguments must be a list, such as [/bin/bash, -e]\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, script: x, shell: {a: b}}\n",
        "4:31 shell must be a list, not a map; write /bin/bash or [/bin/bash, -e]\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, script: x, shell: []}\n",
        "4:31 shell must be a list, not an empty one; write /bin/bash or [/bin/bash, -e]\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- name: s\n"
     "  script: |\n"
     "    #! /usr/bin/env python3 -u\n"
     "    print(1)\n",
        "5:11 the script runs under /bin/sh whatever its line #! says; write shell: "
        "[/usr/bin/env, python3, -u] and leave that line out\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, script: \"echo $(DATE) $(date) $(ESCAPE_NONE(NO))\"}\n",
        "4:27 the token $(DATE) has no escape macro; write $(ESCAPE_SHELL(DATE)), or use the "
        "environment variable BUGLE_DATE\n"
        "4:43 unknown token \"NO\"; the tokens are JOBNAME, JOBID, STEPNAME, STEPID, STEPCT, "
        "ATTEMPT, MACH, TARGET, TARGETID, RUNID, EXECID, SCHEDULE, STRTDT, STRTTM, DATE, TIME, "
        "BROKER, and VAR_ with the name of a variable\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x, \"$(ESCAPE_NONE(MACHINE))\"]}\n",
        "4:23 unknown token \"MACHINE\"; did you mean \"MACH\"?\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- name: s\n"
     "  script: >\n"
     "    a\n"
     "    $(DATE)\n",
        "5:11 the token $(DATE) has no escape macro; write $(ESCAPE_SHELL(DATE)), or use the "
        "environment variable BUGLE_DATE\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- name: s\n"
     "  script: \"echo\n"
     "    $(DATE)\"\n",
        "5:11 the token $(DATE) has no escape macro; write $(ESCAPE_SHELL(DATE)), or use the "
        "environment variable BUGLE_DATE\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], directory: tmp}\n",
        "4:34 the directory is not an absolute path; begin it with '/'\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], directory: \"/$(MACH)\"}\n",
        "4:36 the token $(MACH) has no escape macro; write $(ESCAPE_SHELL(MACH)), or use the "
        "environment variable BUGLE_MACH\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], timeout: 90}\n",
        "4:32 timeout: a number without a unit does not say how long; write durations as 90s, 5m, "
        "2h, 7d or 1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], timeout: 0s}\n",
        "4:32 timeout is at least 1s; leave it out for no limit\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], timeout: none}\n",
        "4:32 timeout: a duration is made of numbers, each followed by a unit; write durations as "
        "90s, 5m, 2h, 7d or 1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], grace: 5x}\n",
        "4:30 grace: this unit of time is not known; write durations as 90s, 5m, 2h, 7d or "
        "1h30m\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], timeout: 100000d}\n",
        "4:32 timeout: a duration is at most 36525 days\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], retry: 3}\n",
        "4:30 retry must be a map of keys and values, not a text\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], retry: {every: 5m}}\n",
        "4:30 retry does not say how often; write {attempts: 3, every: 5m}\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], retry: {attempts: 1001}}\n",
        "4:41 attempts must be a whole number from 0 to 1000\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], retry: {attempts: three, every: 0s, wait: 1}}\n",
        "4:41 attempts must be a whole number from 0 to 1000\n"
        "4:55 every is at least 1s\n"
        "4:59 unknown key \"wait\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], retry: {attempts: 1, backoff: 2}}\n",
        "4:44 \"backoff\" is not in this version\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_success: nxt}\n",
        "4:35 on_success must be next, succeed, fail or goto NAME, not \"nxt\" (next)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_failure: stop}\n",
        "4:35 on_failure must be next, succeed, fail or goto NAME, not \"stop\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_failure: goto}\n",
        "4:35 goto does not say where; write goto and the name of a step\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_failure: goto reprot}\n"
     "- {name: report, run: [x]}\n",
        "4:40 there is no step \"reprot\" in this job (report)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_failure: goto nowhere}\n",
        "4:40 there is no step \"nowhere\" in this job\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_failure: [next]}\n",
        "4:35 on_failure must be a text, not a list\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x]}\n"
     "- {name: S, run: [x]}\n",
        "5:10 the name \"S\" is taken by the step in line 4\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, comand: x}\n",
        "4:3 a step has nothing to do; write run: [program, argument] or script: ...\n"
        "4:13 unknown key \"comand\"\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: [x], on_succes: next}\n",
        "4:23 unknown key \"on_succes\" (on_success)\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, sql: select 1}\n",
        "4:13 \"sql\" is not in this version\n"},
    {"job: j\ntargets: {all: true}\nsteps:\n- {name: s0, run: [x]}\n"
     "- {name: s1, run: [x]}\n- {name: s2, run: [x]}\n- {name: s3, run: [x]}\n- {name: s4, run: "
     "[x]}\n"
     "- {name: s5, run: [x]}\n- {name: s6, run: [x]}\n- {name: s7, run: [x]}\n- {name: s8, run: "
     "[x]}\n"
     "- {name: s9, run: [x]}\n- {name: s10, run: [x]}\n- {name: s11, run: [x]}\n- {name: s12, run: "
     "[x]}\n"
     "- {name: s13, run: [x]}\n- {name: s14, run: [x]}\n- {name: s15, run: [x]}\n- {name: s16, "
     "run: [x]}\n"
     "- {name: s17, run: [x]}\n- {name: s18, run: [x]}\n- {name: s19, run: [x]}\n- {name: s20, "
     "run: [x]}\n"
     "- {name: s21, run: [x]}\n- {name: s22, run: [x]}\n- {name: s23, run: [x]}\n- {name: s24, "
     "run: [x]}\n"
     "- {name: s25, run: [x]}\n- {name: s26, run: [x]}\n- {name: s27, run: [x]}\n- {name: s28, "
     "run: [x]}\n"
     "- {name: s29, run: [x]}\n- {name: s30, run: [x]}\n- {name: s31, run: [x]}\n- {name: s32, "
     "run: [x]}\n"
     "- {name: s33, run: [x]}\n- {name: s34, run: [x]}\n- {name: s35, run: [x]}\n- {name: s36, "
     "run: [x]}\n"
     "- {name: s37, run: [x]}\n- {name: s38, run: [x]}\n- {name: s39, run: [x]}\n- {name: s40, "
     "run: [x]}\n"
     "- {name: s41, run: [x]}\n- {name: s42, run: [x]}\n- {name: s43, run: [x]}\n- {name: s44, "
     "run: [x]}\n"
     "- {name: s45, run: [x]}\n- {name: s46, run: [x]}\n- {name: s47, run: [x]}\n- {name: s48, "
     "run: [x]}\n"
     "- {name: s49, run: [x]}\n- {name: s50, run: [x]}\n- {name: s51, run: [x]}\n- {name: s52, "
     "run: [x]}\n"
     "- {name: s53, run: [x]}\n- {name: s54, run: [x]}\n- {name: s55, run: [x]}\n- {name: s56, "
     "run: [x]}\n"
     "- {name: s57, run: [x]}\n- {name: s58, run: [x]}\n- {name: s59, run: [x]}\n- {name: s60, "
     "run: [x]}\n"
     "- {name: s61, run: [x]}\n- {name: s62, run: [x]}\n- {name: s63, run: [x]}\n- {name: s64, "
     "run: [x]}\n",
        "4:1 a job has at most 64 steps\n"},
    {"job: j\n"
     "targets: {all: true}\n"
     "steps:\n"
     "- {name: s, run: "
     "[x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,"
     "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,"
     "x,x,x,x,"
     "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,"
     "x,x,x,x,"
     "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,"
     "x,x,x,x,"
     "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,"
     "x,x,x,x,"
     "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x]}\n",
        "4:18 more than 256 items; put the command into a script\n"},
};

#endif
