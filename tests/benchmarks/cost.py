"""What does a gradient cost?  Backward, forward mode and finite differences for networks of growing size.

python tests/benchmarks/cost.py                      in FLOPs, then in time on this machine
python tests/benchmarks/cost.py --plot cost.png
"""

import argparse

from nbprop import cost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", metavar="FILE.png")
    given = parser.parse_args()
    found = {"FLOPs": cost.grow(cost.count), "time": cost.grow(cost.clock)}
    for unit, costs in found.items():
        print(f"{unit}\n{costs!r}\n")
    if given.plot:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 3.6), layout="constrained")
        for ax, (unit, costs) in zip(figure.subplots(1, 2, sharey=True), found.items(), strict=True):
            costs.plot(ax).set_title(unit)
        figure.savefig(given.plot, dpi=150)


if __name__ == "__main__":
    main()
