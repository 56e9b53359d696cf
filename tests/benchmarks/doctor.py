"""How often is the doctor right?  python tests/benchmarks/doctor.py [--other [NUMBER]] [--only NAME] [--verbose]

Every patient of patients.py is trained and diagnosed. Precision: of what was found, how much is in the labels (`ought`
or `may`); recall: of what ought to be found, how much was. --other: a suite with other seeds, sizes, data and noise.
Then the playground as it opens, on every data set, at several steps: no warning and no alarm; and what it costs.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from patients import DATA, PATIENTS, playground

import nbprop as nb

AT = (50, 200, 1000, 3000)  # steps at which the playground is looked at


def score(found, patients):
    """rule -> (right, wrong, missed), from name of a patient -> rules that found something."""
    counts = {name: Counter() for name in nb.diagnosis.known_rules()}
    for name, rules in found.items():
        patient = patients[name]
        for rule in rules:
            if rule in patient.ought:
                counts[rule]["right"] += 1
            elif rule not in patient.may:
                counts[rule]["wrong"] += 1
        for rule in set(patient.ought) - set(rules):
            counts[rule]["missed"] += 1
    return counts


def total(counts):
    """(precision, recall) over all rules."""
    sums = sum(counts.values(), Counter())
    return share(sums["right"], sums["wrong"]), share(sums["right"], sums["missed"])


def share(right, other):
    return right / (right + other) if right + other else 1.0


def examine(patient, number=0):
    """(rules that found something, the diagnosis) of a patient, trained."""
    diagnosis = nb.diagnose(patient.run(number))
    for rule, why in diagnosis.skipped.items():
        if why.startswith("failed"):
            raise AssertionError(f"{patient.name}: {rule} {why}")
    return tuple(each.rule for each in diagnosis), diagnosis


def table(counts):
    rows = [("rule", "right", "wrong", "missed", "precision", "recall")]
    for name, count in counts.items():
        right, wrong, missed = count["right"], count["wrong"], count["missed"]
        rows.append((name, right, wrong, missed, f"{share(right, wrong):.2f}", f"{share(right, missed):.2f}"))
    return "\n".join("  ".join(f"{cell!s:>{17 if not i else 9}}" for i, cell in enumerate(row)) for row in rows)


def healthy_playgrounds(data=DATA, at=AT, seed=0):
    """(data set, step, finding) of every warning or alarm, where there should be none."""
    found = []
    for name in data:
        trainer = playground(name, seed)
        trainer.watch()
        for step in at:
            trainer.fit(steps=step - trainer.steps, bar=False)
            found += [(name, step, each) for each in nb.diagnose(trainer) if each.severity != "hint"]
    return found


def cost():
    """Milliseconds of CPU time for a diagnosis of the playground's run: (median of 20, the first)."""
    trainer = playground("spirals")
    trainer.watch()
    trainer.fit(steps=500, bar=False)
    taken = []
    for _ in range(21):
        start = time.process_time()
        nb.diagnose(trainer)
        taken.append(1000 * (time.process_time() - start))
    return sorted(taken[1:])[10], taken[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", nargs="?", type=int, const=1, default=0, help="number of the suite")
    parser.add_argument("--only", default="", help="patients with this in their name")
    parser.add_argument("--verbose", action="store_true", help="every finding in full")
    asked = parser.parse_args()
    found = {}
    for name, patient in PATIENTS.items():
        if asked.only in name:
            found[name], diagnosis = examine(patient, asked.other)
            wrong = [rule for rule in found[name] if rule not in patient.ought + patient.may]
            missed = [rule for rule in patient.ought if rule not in found[name]]
            marks = "".join(
                [f"  WRONG {', '.join(wrong)}" if wrong else "", f"  MISSED {', '.join(missed)}" if missed else ""]
            )
            print(f"{name}: {', '.join(found[name]) or '-'}{marks}", flush=True)
            if asked.verbose or (marks and asked.only):
                print(diagnosis, diagnosis.skipped, sep="\n")
    counts = score(found, PATIENTS)
    precision, recall = total(counts)
    sound = sum(not PATIENTS[name].ought for name in found)
    print(f"\n{len(found)} runs, {sound} of them healthy\n\n{table(counts)}\n")
    print(f"precision {precision:.3f}, recall {recall:.3f}")
    if asked.only:
        return
    seeds = (asked.other,) if asked.other else (0,)
    wrong = [each for seed in seeds for each in healthy_playgrounds(seed=seed)]
    for name, step, finding in wrong:
        print(f"playground {name}, step {step}: {finding.severity} {finding.rule}: {finding}")
    print(f"{len(wrong)} warnings of healthy playgrounds, on {len(DATA)} data sets at steps {', '.join(map(str, AT))}")
    usual, first = cost()
    print(f"a diagnosis of the playground takes {usual:.1f} ms of CPU time, the first {first:.1f} ms")


if __name__ == "__main__":
    main()
