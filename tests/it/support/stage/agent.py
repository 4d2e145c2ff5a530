#!/usr/bin/python3 -IS
"""The agent of the conversation tests: it speaks the agent protocol and plays the script at its end.

The script maps a step's name, "plan" or "judge", to what is done at each try; the last entry holds for all later tries. A step
that is not in the script writes a file of its own. What stands in "mended" holds once the test said so. What stands in "then" is played after the rest. Tries of a step are counted by the commits that its branch has of it.
"""
import json
import os
import subprocess
import sys
import time


def tries_before(name):
    log = subprocess.run(
        ["git", "-c", "safe.directory=*", "log", "--format=%B"], capture_output=True, text=True, check=True
    )
    return log.stdout.splitlines().count(f"Adjutant-Step: {name}")


def wait_for(word):
    print(f"waiting for {word}", flush=True)
    deadline = time.monotonic() + 60
    while f"\n# go: {word}\n" not in open(__file__).read():
        if time.monotonic() > deadline:
            sys.exit(f"nobody said {word}")
        time.sleep(0.02)


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def play(act):
    for path, text in act.get("begin", {}).items():
        write(path, text)
    if "print" in act:
        print(act["print"], flush=True)
    if "wait" in act:
        wait_for(act["wait"])
    for path, text in act.get("write", {}).items():
        write(path, text)
    for path in act.get("delete", []):
        os.remove(path)
    if "keep" in act:
        write(act["keep"], said)
    if "prompt" in act:
        write(act["prompt"], task["instructions"])
    if "hear" in act:
        write(act["hear"], "".join(open(text["path"]).read() for text in task["context"]))
    if "then" in act:
        play(act["then"])
    if "exit" in act:
        sys.exit(act["exit"])


SCRIPT = json.loads("@SCRIPT@")

task = json.load(open(os.environ["ADJUTANT_TASK_FILE"]))
said = "".join(open(text["path"]).read() for text in task["context"] if text["name"] == "rework.md")
if task["kind"] == "plan":
    name, before = "plan", 1 if said else 0
elif task["kind"] == "judge":
    name, before = "judge", 0
else:
    name = task["step"]["name"]
    # A report leaves no commit.
    before = max(tries_before(name), 1 if said else 0)
acts = SCRIPT.get(name, [{"write": {f"{name}.txt": f"{name}\n"}}])
act = acts[min(before, len(acts) - 1)]
if "answered" in act and task["answers"]:
    act = act["answered"]
    said += "".join(f"{it['question']} {it['answer']}\n" for it in task["answers"])
if "mended" in act and "\n# go: mended\n" in open(__file__).read():
    act = act["mended"]
play(act)
result = {key: act[key] for key in ("plan", "judgement", "report", "evidence", "error", "question") if key in act}
result |= {"summary": act.get("summary", f"Did {name}, try {before + 1}."), "cost_usd": 0.01}
result["usage"] = {"input_tokens": 1200, "output_tokens": 34}
if act.get("untold"):
    del result["cost_usd"]
if name == "plan" and act.get("goal"):
    result["plan"]["rationale"] = task["brief"]["goal"]
if name == "plan" and act.get("before"):
    told = [open(text["path"]).read() for text in task["context"] if text["name"] == "earlier-directive.md"]
    result["plan"]["rationale"] = "".join(told) or "Nobody told of an earlier directive."
if "read" in act:
    result["judgement"]["note"] = open(act["read"]).read() if os.path.exists(act["read"]) else f"no {act['read']}"
with open(os.environ["ADJUTANT_RESULT_FILE"], "w") as file:
    json.dump(result, file)
