"""How live is it?  A real JupyterLab in Chromium, a 2-16x8-1 network at play, watched in four views.

    python tests/benchmarks/live.py                 about five minutes
    python tests/benchmarks/live.py --cores 1       server, kernel and browser on one core
    python tests/benchmarks/live.py --voila         the same through Voila
    python tests/benchmarks/live.py --memory 5      five more minutes: does the kernel's memory stay flat?
    python tests/benchmarks/live.py --rtt 100       far away: server and kernel on one core, the browser on another,
                                                    100 ms of round trip between (--bandwidth 4000: 4 Mbit/s)
    python tests/benchmarks/live.py --speed 300     what a run at the usual speed costs
    python tests/benchmarks/live.py --more network,doctor    with these views beside the four

Three dashboards take turns in the same run: nbprop, an empty canvas that is sent as many frames as a display shows (it
is told how far away it is), and the same four views as a Matplotlib figure in an Image widget. Each is a Playground in
a notebook, a kernel and a tab of its own; one at a time plays.
"""

import argparse
import ast
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
from jupyter_client import BlockingKernelClient
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "browser")]
from conftest import find_chromium  # noqa: E402
from distance import Distance  # noqa: E402
from harness import CHROMIUM_ARGS, serve  # noqa: E402

KINDS = ("nbprop", "empty", "matplotlib")
PICTURE = {"nbprop": ".nbprop-board", "empty": ".bench-picture", "matplotlib": "img.bench-picture, .bench-picture img"}
REST = {"nbprop": (0.2, 0.5), "empty": (0.2, 0.5), "matplotlib": (1.5, 2.5)}  # seconds between two moves of a slider
DELAYS = ("use", "picture", "step")  # what is waited for after the move of a slider


class Kernel:
    """Asks a kernel directly: works under JupyterLab and Voila, and the page has no part in it."""

    def __init__(self, connection):
        self.client = BlockingKernelClient(connection_file=str(connection))
        self.client.load_connection_file()
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False)  # frames are not sent here too

    def ask(self, expression):
        """The value of a Python expression."""
        code = f"import json, contenders; _answer = json.dumps({expression})"
        request = self.client.execute(code, store_history=False, user_expressions={"answer": "_answer"})
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != request:
            pass
        content = reply["content"]
        if content["status"] != "ok":
            raise RuntimeError(f"{expression}: {content['ename']}: {content['evalue']}")
        return json.loads(ast.literal_eval(content["user_expressions"]["answer"]["data"]["text/plain"]))

    def close(self):
        self.client.stop_channels()


class Dashboard:
    """One of the three, opened in its own tab and kernel."""

    def __init__(self, kind, browser, server, runtime, args):
        self.kind = kind
        shown = f'contenders.show("{kind}", float("{args.speed}"), {args.rtt}, {args.more})'
        server.write(f"{kind}.ipynb", [f"import contenders\n{shown}"])
        known = set(runtime.glob("kernel-*.json"))
        self.page = page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.add_init_script(path=HERE / "page.js")
        if args.voila:
            page.goto(f"{server.url}/voila/render/{kind}.ipynb?token={server.token}", timeout=120_000)
        else:
            from harness import Lab

            Lab(page, server).open(f"{kind}.ipynb").run_all()
        page.wait_for_selector(PICTURE[kind], state="attached", timeout=60_000)
        (connection,) = set(runtime.glob("kernel-*.json")) - known
        self.kernel = Kernel(connection)
        page.evaluate("selector => bench.watch(selector)", PICTURE[kind])
        beside = page.locator(".widget-inline-hbox", has_text="Learning rate").get_by_role("slider")
        self.slider = page.get_by_role("slider", name="Learning rate") if kind == "nbprop" else beside
        self.pid = self.kernel.ask("contenders.counters()")["pid"]

    @contextmanager
    def playing(self, watched=True, probes=True):
        self.page.bring_to_front()
        self.kernel.ask(f"contenders.play(watched={watched}, probes={probes})")
        try:
            yield
        finally:
            self.kernel.ask("contenders.pause()")

    def watch(self, seconds, processes, **how):
        """Let it play and count: what has been done in `seconds`."""
        with self.playing(**how):
            time.sleep(1.5)
            self.page.evaluate("bench.take()")
            before, busy, start = self.kernel.ask("contenders.counters()"), cpu_seconds(processes), time.perf_counter()
            time.sleep(seconds)
            page, after = self.page.evaluate("bench.take()"), self.kernel.ask("contenders.counters()")
            busy = {name: s - busy[name] for name, s in cpu_seconds(processes).items()}
        counts = {name: after[name] - before[name] for name in after if name != "pid"}
        return counts | {"page": page, "elapsed": time.perf_counter() - start, "busy": busy}

    def move(self, times, dice):
        """Press a key on the learning rate's slider so often; for each press the ms until the kernel has it, until a
        picture made after that is painted, and until one of a step made with it is; None if two were merged."""
        with self.playing():
            time.sleep(1.0)
            self.slider.focus()
            self.page.evaluate("bench.take()")
            self.kernel.ask("contenders.take_uses()")
            for k in range(times):
                # Five up, five down: each is another flag in the picture of the loss.
                self.page.keyboard.press("ArrowLeft" if k // 5 % 2 else "ArrowRight")
                time.sleep(dice.uniform(*REST[self.kind]))
            time.sleep(1.0)
            page, uses = self.page.evaluate("bench.take()"), self.kernel.ask("contenders.take_uses()")
        delays = []
        for move, following in zip(page["moves"], [*page["moves"][1:], math.inf], strict=True):
            delays.append(None)
            use = next(((now, frames, step) for now, frames, step in uses if move - 2 <= now < following), None)
            if use:
                now, frames, steps = use
                made = next((painted for painted, seq, _, _ in page["paints"] if seq > frames), None)
                stepped = next((painted for painted, _, step, _ in page["paints"] if step > steps), None)
                if made and stepped:
                    delays[-1] = [now - move, made - move, stepped - move]
        return delays


def cpu_seconds(processes):
    """CPU seconds used so far by each group of processes."""
    used = {}
    for name, pid in processes.items():
        used[name] = 0.0
        root = psutil.Process(pid)
        for process in [root, *(root.children(recursive=True) if name == "browser" else ())]:
            try:
                times = process.cpu_times()
                used[name] += times.user + times.system
            except psutil.NoSuchProcess:
                pass
    return used


def measure(args, dashboards, browser_pid, server_pid):
    """Rounds in which everything takes its turn."""
    dice = random.Random(0)
    rounds = []
    for n in range(args.rounds):
        found = {"load": os.getloadavg()[0]}
        for dashboard in dashboards:
            say(f"round {n + 1} of {args.rounds}: {dashboard.kind}")
            processes = {"kernel": dashboard.pid, "server": server_pid, "browser": browser_pid}
            seconds = args.seconds / args.rounds
            found[dashboard.kind] = dashboard.watch(seconds, processes)
            if dashboard.kind == "nbprop":
                found["alone"] = dashboard.watch(seconds, processes, watched=False, probes=False)
                found["probes"] = dashboard.watch(seconds, processes, watched=False)
            if args.moves:
                found[dashboard.kind]["delays"] = dashboard.move(-(-args.moves // args.rounds), dice)
        rounds.append(found)
    return rounds


def summarize(rounds, kinds):
    """What the table shows: {kind: {quantity: number}}."""
    result = {}
    for kind in kinds:
        turns = [found[kind] for found in rounds]
        total = {
            name: sum(turn[name] for turn in turns)
            for name in ("elapsed", "steps", "cpu", "wall", "frames", "bytes", "seconds")
        }
        paints = [len(turn["page"]["paints"]) for turn in turns]
        ages = [age for turn in turns for *_, age in turn["page"]["paints"]]
        delays = [delay for turn in turns for delay in turn.get("delays", ())]
        known = [delay for delay in delays if delay]
        wire = sum(turn["page"]["bytes"] for turn in turns)
        result[kind] = {
            "fps": sum(paints) / total["elapsed"],
            "fps_rounds": [n / turn["elapsed"] for n, turn in zip(paints, turns, strict=True)],
            "age_ms": median(ages),
            "age_p95_ms": p95(ages),
            "numbers_per_frame_bytes": total["bytes"] / max(1, total["frames"]),
            "wire_per_frame_bytes": wire / max(1, sum(paints)),
            "frame_cost_ms": 1000 * total["seconds"] / max(1, total["frames"]),
            "drawing_share": total["seconds"] / total["wall"],
            "steps_per_s": total["steps"] / total["elapsed"],
            "cpu_per_step_us": 1e6 * total["cpu"] / max(1, total["steps"]),
            "moves": len(delays),
            "moves_lost": len(delays) - len(known),
            **{f"{name}_ms": median(delay[k] for delay in known) for k, name in enumerate(DELAYS)},
            **{f"{name}_p95_ms": p95([delay[k] for delay in known]) for k, name in enumerate(DELAYS)},
            **{f"{name}_cores": sum(t["busy"][name] for t in turns) / total["elapsed"] for name in turns[0]["busy"]},
        }
    if "nbprop" in kinds:
        # Within a round: other programs on the machine make steps dearer from one minute to the next.
        def cost(name):
            return [found[name]["cpu"] / found[name]["steps"] for found in rounds]

        def rest(found):
            return 1 - found["training"] / found["cpu"]

        nbprop, alone = result["nbprop"], cost("alone")
        nbprop["alone_steps_per_s"] = median(found["alone"]["steps"] / found["alone"]["elapsed"] for found in rounds)
        for kind in kinds:
            result[kind]["slowed_share"] = median(1 - a / b for a, b in zip(alone, cost(kind), strict=True))
            # What is not training, less what is not training when nobody watches (the notebook's own event loop).
            result[kind]["watched_share"] = median(rest(found[kind]) - rest(found["alone"]) for found in rounds)
        every = zip(cost("probes"), alone, cost("nbprop"), strict=True)
        nbprop["probes_share"] = median((a - b) / c for a, b, c in every)
        if "empty" in kinds:
            ratios = [a / b for a, b in zip(nbprop["fps_rounds"], result["empty"]["fps_rounds"], strict=True) if b]
            nbprop["ratio"] = median(ratios)
    return result


def median(values):
    values = list(values)
    return statistics.median(values) if values else float("nan")


def p95(values):
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else float("nan")


ROWS = (  # text, name, format, target of nbprop
    ("frames painted per second", "fps", "{:.1f}", (">=", 30)),
    ("... of what the empty canvas paints", "ratio", "{:.2f}", (">=", 0.9)),
    ("age of a painted frame, median, ms", "age_ms", "{:.0f}", ("<=", 100)),
    ("... 95th percentile", "age_p95_ms", "{:.0f}", None),
    ("kernel's CPU time spent on being watched", "watched_share", "{:.1%}", ("<=", 0.15)),
    ("CPU time that a step needs more than unwatched", "slowed_share", "{:.1%}", None),
    ("... of it for the records per layer", "probes_share", "{:.1%}", None),
    ("time in making and sending frames", "drawing_share", "{:.1%}", None),
    ("one frame, ms in the kernel", "frame_cost_ms", "{:.2f}", None),
    ("from the slider to the kernel, median, ms", "use_ms", "{:.0f}", None),
    ("... 95th percentile", "use_p95_ms", "{:.0f}", None),
    ("from the slider to the picture, median, ms", "picture_ms", "{:.0f}", ("<=", 100)),
    ("... 95th percentile", "picture_p95_ms", "{:.0f}", None),
    ("... of a step made with it, median, ms", "step_ms", "{:.0f}", None),
    ("moves of the slider", "moves", "{:.0f}", None),
    ("... that were merged or not seen", "moves_lost", "{:.0f}", None),
    ("kB of numbers (or picture) per frame", "kb", "{:.1f}", None),
    ("kB received per painted frame, all in all", "wire_kb", "{:.1f}", None),
    ("training steps per second", "steps_per_s", "{:.0f}", None),
    ("cores in use: kernel", "kernel_cores", "{:.2f}", None),
    ("... server", "server_cores", "{:.2f}", None),
    ("... browser", "browser_cores", "{:.2f}", None),
)


def targets_at(rtt):
    """What is aimed at where the browser is so many ms away."""
    if not rtt:
        return {name: target for _, name, _, target in ROWS}
    far = {"fps": (">=", 30 if rtt <= 150 else 20), "age_ms": ("<=", rtt / 2 + 60), "picture_ms": ("<=", rtt + 80)}
    return {name: far.get(name, target) for _, name, _, target in ROWS}


def print_table(result, kinds, rtt):
    targets = targets_at(rtt)
    print(f"\n{'':48}" + "".join(f"{kind:>12}" for kind in kinds) + "   target")
    for text, name, form, _ in ROWS:
        cells = []
        for kind in kinds:
            row = result[kind]
            row |= {"kb": row["numbers_per_frame_bytes"] / 1000, "wire_kb": row["wire_per_frame_bytes"] / 1000}
            value = row.get(name)
            cells.append("" if value is None or value != value else form.format(value))
        verdict = ""
        if (target := targets[name]) and (value := result.get("nbprop", {}).get(name)) is not None:
            met = value >= target[1] if target[0] == ">=" else value <= target[1]
            verdict = f"   {target[0]} {form.format(target[1])}{'' if met else '   MISSED'}"
        print(f"{text:48}" + "".join(f"{cell:>12}" for cell in cells) + verdict)
    if "nbprop" in kinds:
        print(f"unwatched, nbprop makes {result['nbprop']['alone_steps_per_s']:.0f} steps/s")


def measure_memory(dashboard, minutes):
    """Resident memory of the kernel, in MB, after each minute of play."""
    process, sizes = psutil.Process(dashboard.pid), []
    with dashboard.playing():
        for minute in range(1, minutes + 1):
            time.sleep(60)
            sizes.append(process.memory_info().rss / 1e6)
            say(f"{dashboard.kind}, {minute} min at play: {sizes[-1]:.1f} MB")
    return sizes


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}, load {os.getloadavg()[0]:.1f}] {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=24, help="of counting per dashboard (default 24)")
    parser.add_argument("--rounds", type=int, default=4, help="turns that this is divided into (default 4)")
    parser.add_argument("--moves", type=int, default=40, help="moves of the slider per dashboard (default 40)")
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=KINDS, help=",".join(KINDS))
    parser.add_argument(
        "--speed", type=float, default=math.inf, help="training steps per second (default as many as it can)"
    )
    parser.add_argument(
        "--more", type=lambda text: tuple(text.split(",")), default=(), metavar="VIEWS", help="names of more views"
    )
    parser.add_argument("--cores", type=int, help="run everything on so many cores (Linux)")
    parser.add_argument("--rtt", type=float, default=0, metavar="MS", help="round trip to the browser (default 0)")
    parser.add_argument("--bandwidth", type=float, metavar="KBIT/S", help="to the browser (default: no limit)")
    parser.add_argument("--voila", action="store_true", help="through Voila instead of JupyterLab")
    parser.add_argument(
        "--memory", type=int, default=0, metavar="MINUTES", help="watch the memory for so long (default: not)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    args = parser.parse_args()
    if unknown := set(args.only) - set(KINDS):
        parser.error(f"--only: expected names out of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    kinds = tuple(kind for kind in KINDS if kind in args.only)
    apart = bool(args.rtt or args.bandwidth)
    if apart:
        near, far, *_ = [*sorted(os.sched_getaffinity(0)), None, None]
        if far is None or args.cores:
            parser.error("--rtt and --bandwidth want two cores: one for server and kernel, one for the browser")
        os.sched_setaffinity(0, {far})
    if args.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])  # whatever is started has it too

    sandbox = [] if os.getuid() else ["--no-sandbox"]
    with tempfile.TemporaryDirectory(prefix="nbprop-") as folder, sync_playwright() as playwright:
        runtime = Path(folder) / "runtime"
        path = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
        environment = {"JUPYTER_RUNTIME_DIR": str(runtime), "PYTHONPATH": path}
        prefix = ("taskset", "-c", str(near)) if apart else ()
        with serve(Path(folder) / "notebooks", prefix=prefix, **environment) as server:
            if apart:
                distance = Distance(int(server.url.rsplit(":", 1)[1]))
                server.url = f"http://127.0.0.1:{distance.port}"
            me = psutil.Process()
            known = set(me.children(recursive=True))
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*sandbox, *CHROMIUM_ARGS])
            (browser_pid,) = [
                p.pid
                for p in set(me.children(recursive=True)) - known
                if "--type=" not in " ".join(p.cmdline()) and "chrom" in p.name()
            ]
            say("opening the notebooks")
            dashboards = [Dashboard(kind, browser, server, runtime, args) for kind in kinds]
            if apart:  # not before: JupyterLab is many megabytes
                distance.set(args.rtt, args.bandwidth)
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            host = "Voila" if args.voila else "JupyterLab"
            place = f"{host}, Chromium {browser.version}, {cores} core{'s' * (cores != 1)}"
            if apart:
                width = f", {args.bandwidth:.0f} kbit/s" if args.bandwidth else ""
                place += f" for the browser, one for server and kernel, {args.rtt:.0f} ms of round trip{width}"
            loads = [os.getloadavg()[0]]
            rounds = measure(args, dashboards, browser_pid, server.process.pid)
            loads.append(os.getloadavg()[0])
            result = summarize(rounds, kinds)
            memory = measure_memory(dashboards[0], args.memory) if args.memory else []
            browser.close()
    print(f"\n{place}; load average {loads[0]:.1f} at the start, {loads[1]:.1f} at the end (about 2 of it its own)")
    print_table(result, kinds, args.rtt)
    if memory:
        each = ", ".join(f"{size:.1f}" for size in memory)
        print(f"kernel memory ({kinds[0]}): {each} MB after each minute of play")
    else:
        print("kernel memory: left out (--memory 5)")
    if args.json:
        args.json.write_text(
            json.dumps({"place": place, "load": loads, "result": result, "memory_mb": memory, "rounds": rounds})
        )


if __name__ == "__main__":
    main()
