#!/usr/bin/python3
"""The independent client against a live broker: what PROTOCOL.md says must happen, and what it says is refused."""

import importlib.util
import os
import sys
import unittest

for module in ("zmq", "msgpack", "nacl"):
    if importlib.util.find_spec(module) is None:
        print(f"SKIP: /usr/bin/python3 has no module {module} (Debian: python3-{module})")
        sys.exit(77)

import zmq  # noqa: E402

import client as wire  # noqa: E402
from live import Live, wait_for  # noqa: E402

JOB = """
job: {name}
description: {text}
targets: {targets}
steps: [{{name: one, run: ["true"]}}]
"""


class Story(Live):
    """The life of a target, with the CLI on the other side."""

    def test_a_job_from_the_cli_is_held_started_and_reported_exactly_once(self):
        world, job = self.world, "wire story"
        target = self.target(world.token("--group", "web", "--label", "role=front"))
        self.assertEqual(target.membership["groups"], ["web"])
        self.assertEqual(target.membership["labels"], [{"key": "role", "value": "front"}])
        self.assertEqual(target.welcome["streams"], ["all", "g/web"])

        # the document comes with a poll, is signed by the login of the pinned authority, and is acknowledged
        world.apply(JOB.format(name=job, text="told", targets="{all: true}"))
        signed = self.poll_for(target, "job", job)
        document, body = target.trust.open(signed)
        self.assertEqual((body["description"], body["audience"]["all"]), ("told", True))
        self.assertEqual(body["steps"][0]["argv"], ["true"])
        target.hold(document["key"], document["version"])
        target.ack(self.item(document["key"], wire.APPLIED, document["version"]))
        world.wait_applied(job, 1)
        self.assertNotIn(signed["bytes"], [one["bytes"] for one in target.poll()[1]["instructions"]])

        # a START of the CLI
        started = world.bugle("job", "start", job, "-t", target.name)
        signed = self.poll_for(target, "deed", job, what=wire.START)
        deed = target.trust.open_deed(signed)
        self.assertEqual(deed["job_key"], document["key"])
        self.assertIn(wire.id_text(deed["id"]), started.out + started.err)
        target.ack(self.item(deed["id"], wire.APPLIED))

        # begun, then ended; the second report is sent again
        begun = self.run_of(target, job, exec=deed["id"], job_version=document["version"], state=wire.RUNNING,
                            finished_us=0, steps=[])
        self.assertEqual(target.report(begun)["mark"], 1)
        row, = world.history(job)
        self.assertEqual((row["state"], row["finished"], row["target"]), ("running", None, target.name))
        ended = self.run_of(target, job, run=begun["run"], exec=deed["id"], job_version=document["version"])
        self.assertEqual(target.report(ended)["mark"], 2)
        self.assertEqual(target.report(ended, first=2)["mark"], 2)
        self.assertEqual(target.report(begun, ended, first=1)["mark"], 2)
        row, = world.history(job)
        self.assertEqual((row["state"], row["run"], len(row["steps"])), ("succeeded", wire.id_text(begun["run"]), 1))
        shown = world.bugle("exec", "wait", wire.id_text(deed["id"]))
        self.assertIn(target.name, shown.out + shown.err)

        # a new session knows the mark; the target leaves and is not admitted any more
        self.assertEqual(target.hello()["outbox_mark"], 2)
        self.assertEqual(target.defect()["name"], target.name)
        self.assertNotIn(target.name, world.bugle("target", "list", "-o", "name").out.split())
        target.connect()
        self.assertEqual(target.desk.handshake(), 400)

    def test_a_changed_job_comes_as_an_order_on_the_stream_all(self):
        target = self.target()
        target.poll()
        self.assertEqual(target.subscribe(), 200)
        job = "wire stream"
        # a publication is a hint and the subscription may still be on its way: the next change is another chance
        for attempt in range(10):
            self.world.apply(JOB.format(name=job, text=f"attempt {attempt}", targets="{all: true}"))
            try:
                stream, sequence, order = target.publication(deadline=1)
                break
            except wire.Silence:
                continue
        else:
            self.fail("no publication came")
        self.assertEqual((stream, order.name), ("all", "ORDER"))
        self.assertEqual(order.header["request"] + order.header["session"], bytes(32))
        self.assertGreater(sequence, target.heads["all"]["sequence"])
        bodies = [target.trust.open(signed)[1] for signed in order.value["instructions"]]
        for what in order.value["references"]:
            bodies.append(target.trust.open(target.desk.ask("FETCH", {"what": what}).value["document"])[1])
        self.assertEqual([body["name"] for body in bodies], [job])

    def test_the_cli_sees_what_the_target_failed_to_apply(self):
        target, job = self.target(), "wire failed"
        self.world.apply(JOB.format(name=job, text="x", targets=f"{{names: [{target.name}]}}"))
        document, _ = target.trust.open(self.poll_for(target, "job", job))
        target.hold(document["key"], document["version"])
        target.ack(self.item(document["key"], wire.APPLY_FAILED, document["version"], code="policy",
                             message="the policy of this machine does not allow it"))
        def failed():
            rows = self.world.bugle("job", "list", "-o", "jsonl").rows()
            return any(row["name"] == job and row["failed"] == 1 for row in rows)
        wait_for("the failure is shown", failed)


class Enlisting(Live):
    def test_the_same_hello_again_gets_the_same_id_and_number(self):
        dialogue = self.dialogue()
        first = dialogue.hello()
        again = dialogue.hello()
        self.assertEqual((first["target"], first["number"]), (again["target"], again["number"]))
        done = dialogue.prove()
        self.assertTrue(wire.is_signed_by(done["membership"], first["installation"], dialogue.token.sign.public))

    def test_the_same_machine_again_is_told_what_is_stored_and_takes_no_use(self):
        first = self.dialogue()
        first.hello()
        done = first.prove()
        again = self.dialogue(first.token, first.name, sign_key=first.sign, curve_key=first.curve)
        challenge = again.hello()
        self.assertEqual((challenge["target"], challenge["number"]),
                         (first.challenge["target"], first.challenge["number"]))
        self.assertEqual(again.prove()["membership"], done["membership"])

    def test_what_the_token_says_stands_in_the_membership(self):
        labels = [{"key": "role", "value": "db"}, {"key": "tier", "value": "gold"}]
        target = self.target(groups=["db", "night"], labels=labels, location="Ulm")
        self.assertEqual((target.membership["groups"], target.membership["labels"], target.membership["location"]),
                         (["db", "night"], labels, "Ulm"))
        self.assertEqual(target.welcome["streams"], ["all", "g/db", "g/night"])

    def test_unknown_used_expired_and_foreign_tokens_are_refused(self):
        text = self.ops.token()
        unknown = self.dialogue(text)
        unknown.token.sign = wire.SignKey()
        self.refused("token", unknown.hello)
        self.target(text)
        self.refused("token", self.dialogue(text).hello)
        self.refused("token", self.dialogue(self.ops.token(names="db*")).hello)
        short = self.ops.token(expires_us=self.ops.now() + 300000)
        dialogue = self.dialogue(short)
        def expired():
            try:
                dialogue.hello()
            except wire.Refused as err:
                return err.code
            return None
        self.assertEqual(wait_for("the token expires", expired, wire.DEADLINE), "token")

    def test_a_taken_name_another_name_and_no_name_are_refused(self):
        target = self.target()
        self.refused("exists", self.dialogue(name=target.name).hello)
        again = self.dialogue(sign_key=target.sign, curve_key=target.curve)
        self.refused("enlisted", again.hello)
        self.refused("invalid", self.dialogue(name="not a name").hello)

    def test_no_common_level_is_refused_and_names_both(self):
        error = self.refused("level", self.dialogue().hello, level_low=7, level_high=9)
        self.assertIn("7", error["message"] + error["hint"])
        self.assertIn("1", error["message"] + error["hint"])

    def test_a_proof_by_another_token_key_is_refused(self):
        dialogue = self.dialogue()
        dialogue.hello()
        membership = dialogue.membership()
        self.refused("bad-signature", dialogue.prove, membership,
                     dialogue.proof(membership, wire.SignKey(), dialogue.sign))
        dialogue.hello()
        membership = dialogue.membership()
        self.refused("bad-signature", dialogue.prove, membership,
                     dialogue.proof(membership, dialogue.token.sign, wire.SignKey()))
        dialogue.hello()
        dialogue.prove()

    def test_a_membership_that_says_more_than_the_token_is_refused(self):
        for changes in ({"groups": ["root"]}, {"labels": [{"key": "a", "value": "b"}]}, {"name": "other"},
                        {"state": wire.DEFECTED}, {"number": 4000000}, {"target": wire.new_id()},
                        {"variables": [{"key": "a", "value": "b"}]}):
            with self.subTest(changes), self.assertRaises(wire.Refused) as caught:
                dialogue = self.dialogue()
                dialogue.hello()
                dialogue.prove(dialogue.membership(**changes))
            self.assertEqual(caught.exception.error["class"], 2, caught.exception)

    def test_a_proof_over_something_else_is_refused(self):
        for changes in ({"broker_nonce": bytes(16)}, {"target_nonce": bytes(16)}, {"broker_curve_key": bytes(32)},
                        {"membership_hash": bytes(32)}, {"installation": bytes(16)}):
            with self.subTest(changes), self.assertRaises(wire.Refused) as caught:
                dialogue = self.dialogue()
                dialogue.hello()
                membership = dialogue.membership()
                dialogue.prove(membership, dialogue.proof(membership, **changes))
            self.assertEqual(caught.exception.error["class"], 2, caught.exception)

    def test_a_recorded_proof_is_worth_nothing_from_another_connection(self):
        token = self.ops.token(uses=5)
        dialogue = self.dialogue(token)
        dialogue.hello()
        membership = dialogue.membership()
        proof = dialogue.proof(membership)
        dialogue.prove(membership, proof)
        thief = self.dialogue(token)
        with self.assertRaises(wire.Refused) as caught:
            thief.prove(membership, proof)
        self.assertEqual(caught.exception.error["class"], 2)
        thief.hello()
        with self.assertRaises(wire.Refused) as caught:
            thief.prove(membership, proof)
        self.assertEqual(caught.exception.error["class"], 2)
        rows = self.ops.query("TARGET_QUERY", names=[dialogue.name])["rows"]
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["id"], dialogue.challenge["target"])


class Desk(Live):
    def test_a_poll_is_attested_over_our_nonce_and_repeats_the_second_one(self):
        target = self.target()
        attestation, answer = target.poll(exec_nonce=b"2" * 16)
        self.assertEqual((attestation["exec_nonce"], attestation["authority"]), (b"2" * 16, 1))
        self.assertEqual([head["name"] for head in answer["streams"]], target.welcome["streams"])

    def test_what_was_enlisted_with_is_given_until_acknowledged_and_then_the_digests_agree(self):
        target = self.target()
        self.ops.post(self.ops.sign_job(self.new_name(), audience={"names": [target.name]}))
        self.ops.post(self.ops.sign_job(self.new_name(), audience={"names": ["somebody-else"]}))
        first = sorted(target.take(signed)[0] for signed in target.poll()[1]["instructions"])
        self.assertEqual(first, ["authority", "job"])
        self.assertEqual(sorted(word for word, _ in target.take_all()), first)
        self.assertEqual(target.poll()[0]["digest"], wire.digest(target.held))

    def test_a_later_hello_ends_the_session(self):
        target = self.target()
        first = target.desk.session
        target.hello()
        self.assertNotEqual(first, target.desk.session)
        for kind, value in (("POLL", {"nonce": b"1" * 16, "digest": bytes(16)}), ("REPORT", {"outbox": target.outbox})):
            self.refused("stale", target.desk.ask, kind, value, session=first)
            self.refused("stale", target.desk.ask, kind, value, session=b"9" * 16)
            self.refused("stale", target.desk.ask, kind, value, session=None)
        target.poll()

    def test_the_session_of_another_is_worth_nothing(self):
        target, other = self.target(), self.target()
        poll = {"nonce": b"1" * 16, "digest": bytes(16)}
        self.refused("stale", other.desk.ask, "POLL", poll, session=target.desk.session)
        target.poll()

    def test_an_attestation_shown_at_hello_does_no_harm_even_of_another(self):
        target, other = self.target(), self.target()
        for one in (target, other):
            target.hello(attestation=one.poll()[1]["attestation"])
        self.answers(target)

    def test_a_report_of_another_outbox_is_refused(self):
        target = self.target()
        target.outbox = wire.new_id()
        self.refused("stale", target.report, self.run_of(target, "any"))
        self.assertEqual(target.hello()["outbox_mark"], 0)

    def test_what_is_for_single_targets_is_pushed_over_their_session(self):
        target, other, job = self.target(), self.target(), self.new_name()
        self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        pushed = target.desk.pushed("INSTRUCT")
        word, body, ack = target.take(pushed.value["instructions"][0])
        self.assertEqual((word, body["name"], pushed.header["request"]), ("job", job, bytes(16)))
        target.ack(ack)
        issued = self.ops.issue(self.ops.sign_deed(job, {"names": [wire.id_text(target.id)]}))
        word, deed, _ = target.take(target.desk.pushed("INSTRUCT").value["instructions"][0])
        self.assertEqual((word, deed["id"]), ("deed", issued["id"]))
        other.take_all()
        self.assertEqual(len(other.desk.aside), 0)

    def test_a_document_is_fetched_by_its_addressee_only(self):
        target, other, job = self.target(), self.target(), self.new_name()
        signed = self.ops.sign_job(job, audience={"names": [target.name]})
        self.ops.post(signed)
        document = wire.decode("document", signed["bytes"], is_signed=True)
        what = {"type": signed["type"], "key": document["key"], "version": document["version"],
                "hash": wire.h32(signed["bytes"])}
        self.assertEqual(target.desk.ask("FETCH", {"what": what}).value["document"], signed)
        self.refused("not-found", target.desk.ask, "FETCH", {"what": dict(what, version=1)})
        with self.assertRaises(wire.Refused) as caught:
            other.desk.ask("FETCH", {"what": what})
        self.assertIn(caught.exception.code, ("not-found", "not-allowed"))

    def test_a_switch_and_a_withdrawal_come_like_jobs_and_the_digests_agree(self):
        target, job = self.target(), self.new_name()
        def step(signed, expected, seen=0):
            self.ops.post(signed, seen=seen)
            self.assertIn(expected, [word for word, _ in target.take_all()])
            self.assertEqual(target.poll()[0]["digest"], wire.digest(target.held), expected)
        posted = self.ops.sign_job(job, audience={"names": [target.name]})
        step(posted, "job")
        step(self.ops.sign_switch(job, True, reason="night"), "switch")
        issued = self.ops.sign_deed(job, {"names": [target.name]})
        self.refused("disabled", self.ops.issue, issued)
        step(self.ops.sign_withdrawal(job), "withdrawal",
             seen=wire.decode("document", posted["bytes"], is_signed=True)["version"])
        answer = self.ops.query("JOB_QUERY", name=job)
        self.assertEqual((answer["rows"], answer["withdrawn"][0]["key"]),
                         ([], wire.document_key(target.installation, "job", job)))

    def test_a_heartbeat_says_that_something_is_pending(self):
        target = self.target()
        def pending(expected):
            return wait_for(f"pending is {expected}", lambda: target.heartbeat()["pending"] == expected, wire.DEADLINE)
        target.take_all()
        pending(False)
        self.ops.post(self.ops.sign_job("wire beat", audience={"names": [target.name]}))
        pending(True)

    def test_the_same_request_id_is_answered_again(self):
        target = self.target()
        self.ops.post(self.ops.sign_job("wire same", audience={"names": [target.name]}))
        request = wire.new_id()
        marks = []
        for _ in range(2):
            target.desk.send("REPORT", {"outbox": target.outbox, "items": [
                {"sequence": 1, "run": self.run_of(target, "wire same", run=b"r" * 16)}]}, request)
            marks.append(target.desk.answer(request).value["mark"])
        self.assertEqual(marks, [1, 1])
        self.assertEqual(len(self.ops.query("HISTORY_QUERY", job="wire same")["rows"]), 1)

    def test_a_bad_item_of_a_report_is_set_aside_and_the_mark_passes_it(self):
        target, job = self.target(), self.new_name()
        self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        runs = [self.run_of(target, job), self.run_of(target, job, run=bytes(16)), self.run_of(target, job)]
        answer = target.report(*runs)
        self.assertEqual(answer["mark"], 3)
        self.assertEqual([one["sequence"] for one in answer["refused"]], [2])
        self.assertEqual(len(self.ops.query("HISTORY_QUERY", job=job)["rows"]), 2)

    def test_an_inventory_brings_what_is_missing(self):
        target, job = self.target(), self.new_name()
        self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        target.take_all()
        del target.held[wire.document_key(target.installation, "job", job)]
        target.state_seq += 1
        items = [{"key": key, "version": version} for key, version in sorted(target.held.items())]
        unknown = {"key": b"\xff" * 16, "version": 5}
        answer = target.desk.ask("INVENTORY", {"items": [*items, unknown], "last": True, "state_seq": target.state_seq})
        self.assertEqual((answer.value["posted"], answer.value["unknown"]), (1, [unknown]))
        self.assertEqual([word for word, _ in target.take_all()], ["job"])

    def test_a_digest_that_differs_makes_the_broker_ask_for_the_inventory(self):
        target = self.target()
        target.take_all()
        self.assertFalse(target.poll()[1]["inventory"])
        target.hold(b"\xff" * 16, 1)
        target.ack()
        wait_for("the broker asks", lambda: target.poll()[1]["inventory"], wire.DEADLINE)

    def test_a_leave_of_another_target_is_refused(self):
        target, other = self.target(), self.target()
        with self.assertRaises(wire.Refused) as caught:
            target.defect(target.leave(sign_key=other.sign))
        self.assertEqual(caught.exception.code, "bad-signature")
        with self.assertRaises(wire.Refused) as caught:
            target.defect(other.leave())
        self.assertEqual(caught.exception.error["class"], 2)
        self.answers(target)
        self.answers(other)


class Hostile(Live):
    """What is not well-formed is refused, and nobody else notices."""

    def setUp(self):
        self.other = self.target()
        self.target_under_test = self.target()
        self.desk = self.target_under_test.desk
        self.addCleanup(self.answers, self.other)

    def body(self, kind, data):
        self.desk.send(kind, data, wire.new_id())

    def test_unknown_kinds_and_kinds_of_other_sockets_are_refused(self):
        self.refused("unknown-kind", self.desk.ask, 30000, b"\x80")
        for kind, value in (("OPS_HELLO", {"level_low": 1, "level_high": 1}), ("STATUS_QUERY", {}),
                            ("ENLIST_PROVE", b"\x80")):
            with self.assertRaises(wire.Refused) as caught:
                self.desk.ask(kind, value)
            self.assertIn(caught.exception.code, ("unknown-kind", "not-allowed"))
        with self.assertRaises(wire.Refused) as caught:
            self.ops.ask("HELLO", b"\x80")
        self.assertIn(caught.exception.code, ("unknown-kind", "not-allowed"))
        for kind in ("WELCOME", "POLL_ANSWER", "ORDER"):
            with self.assertRaises(wire.Refused) as caught:
                self.desk.ask(kind, b"\x80")
            self.assertIn(caught.exception.code, ("unknown-kind", "not-allowed"))
        self.answers(self.target_under_test)

    def test_malformed_bodies_are_refused(self):
        poll = wire.encode("poll", {"nonce": b"1" * 16, "digest": bytes(16)})
        for text, data in (("missing", b"\x80"), ("cut", poll[:-1]), ("behind", poll + b"\0"), ("nil", b"\xc0"),
                           ("c1", b"\xc1"), ("no map", b"\x90"), ("huge count", b"\xdf\xff\xff\xff\xff"),
                           ("short nonce", b"\x82\x01\xc4\x01\x00" + poll[poll.index(b"\x06\xc4"):]), ("empty", b"")):
            with self.subTest(text):
                self.refused("malformed", self.desk.ask, "POLL", data)
        self.target_under_test.poll()

    def test_too_deep_and_too_many_are_refused(self):
        self.refused("too-large", self.desk.ask, "POLL", b"\x81\x01" + b"\x91" * 8 + b"\x00")
        many = b"\x81\x01" + b"\xdc\x04\x01" + b"\x00" * 1025
        self.refused("too-large", self.desk.ask, "POLL", many)
        self.target_under_test.poll()

    def test_unknown_fields_of_messages_are_skipped(self):
        poll = wire.encode("poll", {"nonce": b"1" * 16, "digest": bytes(16)})
        self.desk.ask("POLL", bytes([poll[0] + 1]) + poll[1:] + b"\x7f\x05")

    def test_a_level_that_was_not_agreed_is_refused(self):
        self.refused("level", self.desk.ask, "POLL", {"nonce": b"1" * 16, "digest": bytes(16)}, level=9)
        error = self.refused("level", self.target_under_test.hello, level_low=5, level_high=6)
        self.assertIn("5", error["message"] + error["hint"])

    def is_cut(self, *parts):
        """The sender loses its connection, and what it said is not answered."""
        self.assertEqual(self.desk.handshake(), 200)
        self.desk.socket.send_multipart(parts)
        self.desk.wait_disconnected()
        self.answers(self.other)

    def test_too_few_frames_cost_the_connection(self):
        self.is_cut(*wire.frames("POLL", b"\x80", wire.new_id(), self.desk.session)[:2])

    def test_too_many_frames_cost_the_connection(self):
        self.is_cut(*wire.frames("POLL", b"\x80", wire.new_id(), self.desk.session), *[b""] * 50)

    def test_a_frame_over_its_limit_costs_the_connection(self):
        self.is_cut(wire.frames("POLL", b"\x80", wire.new_id(), self.desk.session)[0], bytes(262145), b"")

    def test_a_huge_frame_costs_the_connection(self):
        self.is_cut(wire.frames("POLL", b"\x80", wire.new_id(), self.desk.session)[0], bytes(8 << 20), b"")

    def test_a_header_that_cannot_be_read_costs_the_connection(self):
        self.is_cut(b"\xc1", b"\x80", b"")

    def test_strangers_with_garbage_are_cut_as_well(self):
        for parts in ([b""], [b"x"] * 3, [bytes(300), b"\x80", b""], [os.urandom(64), b"", b""],
                      [wire.frames("ENLIST_HELLO", b"\x80")[0], bytes(65537), b""]):
            stranger = wire.Dealer(self.context, self.where["enlist"], self.broker_key, wire.CurveKey())
            self.addCleanup(stranger.close)
            stranger.socket.send_multipart(parts)
            stranger.wait_disconnected()
        self.dialogue().hello()

    def test_unknown_keys_are_refused_at_the_handshake(self):
        for socket in ("desk", "ops"):
            with self.subTest(socket):
                stranger = wire.Dealer(self.context, self.where[socket], self.broker_key, wire.CurveKey())
                self.addCleanup(stranger.close)
                self.assertEqual(stranger.handshake(), 400)
        for keys, socket in ((self.login_curve, "desk"), (self.other.curve, "ops"), (wire.CurveKey(), "orders")):
            with self.subTest(socket):
                stranger = wire.Watched(self.context, zmq.SUB if socket == "orders" else zmq.DEALER,
                                        self.where[socket], self.broker_key, keys)
                self.addCleanup(stranger.close)
                self.assertEqual(stranger.handshake(), 400)

    def test_a_wrong_broker_key_never_connects(self):
        lost = wire.Dealer(self.context, self.where["ops"], wire.CurveKey().public, self.login_curve)
        self.addCleanup(lost.close)
        with self.assertRaises(wire.Silence):
            self.assertNotEqual(lost.handshake(deadline=0.5), 200)
            lost.ask("OPS_HELLO", {"level_low": 1, "level_high": 1}, deadline=0.2)


class Login(Live):
    def test_the_welcome_names_the_authority_that_the_tokens_pin(self):
        welcome = self.ops.welcome
        self.assertEqual((welcome["role"], welcome["authority"], welcome["level"]), (wire.ADMIN, 1, 1))
        trust = wire.Trust(welcome["installation"], welcome["authority_hash"])
        trust.adopt(self.ops.authority())
        self.assertEqual(trust.authority["broker_curve_key"], self.broker_key)

    def test_queries_show_what_targets_did(self):
        target, job = self.target(), self.new_name()
        posted, = self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        self.assertEqual((posted["name"], posted["outcome"], posted["revision"], posted["targets"]), (job, 1, 1, 1))
        issued = self.ops.issue(self.ops.sign_deed(job, {"names": [target.name]}))
        self.assertEqual((issued["targets"], issued["connected"], issued["repeated"]), (1, 1, False))
        target.report(self.run_of(target, job, exec=issued["id"]))
        row, = self.ops.query("JOB_QUERY", name=job)["rows"]
        self.assertEqual(row["name"], job)
        row, = self.ops.query("TARGET_QUERY", names=[target.name])["rows"]
        self.assertEqual((row["id"], row["connected"], row["provisional"]), (target.id, True, True))
        row, = self.ops.query("HISTORY_QUERY", job=job)["rows"]
        self.assertEqual((row["target"], row["run"]["state"]), (target.name, wire.SUCCEEDED))
        row, = self.ops.query("EXEC_QUERY", id=wire.id_text(issued["id"]))["rows"]
        self.assertEqual((row["succeeded"], row["done"]), (1, True))
        status = self.ops.query("STATUS_QUERY")
        self.assertGreaterEqual(status["targets"], 1)

    def test_a_watched_execution_ends_with_done(self):
        target, job = self.target(), self.new_name()
        self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        issued = self.ops.issue(self.ops.sign_deed(job, {"names": [target.name]}))
        request = wire.new_id()
        self.ops.send("EXEC_WATCH", {"id": issued["id"]}, request)
        self.assertFalse(self.ops.answer(request).value["row"]["done"])
        target.report(self.run_of(target, job, exec=issued["id"]))
        while not self.ops.answer(request).value["row"]["done"]:
            pass

    def test_a_post_is_compared_with_what_was_seen(self):
        job = self.new_name()
        first = self.ops.sign_job(job, version=10)
        self.assertEqual(self.ops.post(first, dry_run=True)[0]["outcome"], 1)
        self.assertEqual(self.ops.post(first)[0]["outcome"], 1)
        second = self.ops.sign_job(job, version=11, description="other")
        self.refused("conflict", self.ops.post, second)
        self.refused("conflict", self.ops.post, second, seen=9)
        self.assertEqual(self.ops.post(second, seen=10)[0]["outcome"], 2)
        same = self.ops.sign_job(job, version=12, description="other")
        self.assertEqual(self.ops.post(same, seen=11)[0]["outcome"], 3)
        ahead = self.ops.sign_job(job, version=self.ops.now() // 1000 + 7200 * 1000, description="ahead")
        self.refused("clock", self.ops.post, ahead, seen=11)

    def test_what_the_login_did_not_sign_is_refused(self):
        job = self.new_name()
        good = self.ops.sign_job(job)
        error = self.refused("bad-signature", self.ops.post, self.ops.sign_job(self.new_name()),
                             dict(good, bytes=good["bytes"][:-1] + b"\x01"))
        self.assertEqual(error["item"], 2)
        self.refused("bad-signature", self.ops.post,
                     wire.sign("job", self.ops.welcome["installation"], good["bytes"], wire.SignKey()))
        foreign = wire.sign("job", bytes(16), good["bytes"], self.login_sign)
        self.refused("bad-signature", self.ops.post, foreign)
        self.refused("not-found", self.ops.query, "JOB_QUERY", name=job)

    def test_a_deed_is_done_once_is_for_somebody_and_in_time(self):
        target, job = self.target(), self.new_name()
        self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        to = {"names": [target.name]}
        deed = self.ops.sign_deed(job, to)
        self.assertFalse(self.ops.issue(deed)["repeated"])
        self.assertTrue(self.ops.issue(deed)["repeated"])
        self.assertEqual(len(self.ops.query("EXEC_QUERY", job=job)["rows"]), 1)
        now = self.ops.now()
        self.refused("clock", self.ops.issue, self.ops.sign_deed(job, to, issued_us=now - 120 * 1000000))
        self.refused("invalid", self.ops.issue, self.ops.sign_deed(job, {}))
        self.refused("not-found", self.ops.issue, self.ops.sign_deed(job, {"names": ["nobody"]}))
        self.refused("not-found", self.ops.issue, self.ops.sign_deed("no such job", to))

    def test_pages_go_on_where_the_last_one_ended(self):
        target, job = self.target(), self.new_name()
        self.ops.post(self.ops.sign_job(job, audience={"names": [target.name]}))
        target.report(*[self.run_of(target, job) for _ in range(5)])
        seen, before = [], 0
        while True:
            page = self.ops.query("HISTORY_QUERY", job=job, limit=2, before=before)
            self.assertLessEqual(len(page["rows"]), 2)
            seen += [row["row"] for row in page["rows"]]
            before = page["next_before"]
            if not page["more"]:
                break
        self.assertEqual((len(seen), seen), (5, sorted(set(seen), reverse=True)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
