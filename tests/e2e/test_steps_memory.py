#!/usr/bin/python3
"""A supervisor stays as small as it began, however much its step says and however often it is tried."""

from steps_world import GROWTH_KIB, StepsTest, is_gone
from world import main

FLOOD_BYTES = 2 << 30


class Memory(StepsTest):
    def test_gigabytes_of_output_are_counted_and_take_no_memory(self):
        usual = self.machine.usual_memory()
        gate = self.machine.fifo("flooded")
        name = self.start_steps({
            "script": f"head -c {FLOOD_BYTES} /dev/zero\nprintf end\nread line <{gate}", "timeout": "100s"})
        with open(gate, "w") as writer:  # opens when the flood is over
            supervisor = self.machine.supervisor(name)
            self.assertLess(self.machine.most_memory(supervisor), usual + GROWTH_KIB)
            writer.write("\n")
        run = self.machine.over(name)
        self.assertEqual((run["state"], run["steps"][0]["output_bytes"]), ("succeeded", FLOOD_BYTES + 3))
        self.assertTrue(run["steps"][0]["output"].endswith("?end"))
        self.assertTrue(is_gone(supervisor))

    def test_many_attempts_take_no_more_memory_than_one(self):
        """Each has 160 KB of environment, which is held three times while it is made."""
        large = {f"LARGE_{i}": "x" * 8000 for i in range(20)}
        kib = []
        for attempts in (1, 8):
            gate = self.machine.fifo(f"tried-{attempts}")
            name = self.start_steps({"script": f"test $BUGLE_ATTEMPT = {attempts} || exit 1\nread line <{gate}",
                                     "environment": large, "retry": {"attempts": 7, "every": "1s"}, "timeout": "60s"})
            with open(gate, "w") as writer:
                kib.append(self.machine.most_memory(self.machine.supervisor(name)))
                writer.write("\n")
            self.assertEqual(self.machine.over(name)["steps"][0]["attempts"], attempts)
        self.assertLess(kib[1], kib[0] + GROWTH_KIB)


if __name__ == "__main__":
    main()
