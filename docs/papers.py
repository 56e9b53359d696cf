"""Writes docs/papers.md, the table of the paper cards, from the cards and what is kept of them.

python docs/papers.py                   the page, from nbprop/papers/results.json
python docs/papers.py he-2015 ...       makes these cards anew first, keeps what came out, then writes the page
python docs/papers.py all               makes all of them anew: seven minutes on one core
"""

import sys
from pathlib import Path

import nbprop as nb
from nbprop.papers import kept

PAGE = Path(__file__).with_name("papers.md")
HEAD = """# Paper cards

Experiments of the papers that made backpropagation what it is, made again with nbprop's own trainer: with the settings
of the paper wherever that is possible in two minutes on one core, with its criterion, or one of our own where it names
none, over several seeds. What was changed is said for each; and where the criterion is not met, why. Every one of them
is a card:

```python
import nbprop as nb

card = nb.papers.cards["rumelhart-1986-xor"]
print(card.run(seeds=2))
```
```text
{example}
```

`nb.papers.cards` is the table below, a card says its settings when it is shown, and in a notebook `run()` shows its
picture. `python -m nbprop papers` prints the table, `python -m nbprop papers KEY` makes a card. `pytest --papers` makes
all of them anew and compares: the verdict has to be the same, and the figure the same within what the card says (the
last line of each section), for another machine rounds otherwise and training makes a visible difference of that.

This page is written by `python docs/papers.py`, from what is kept in
[results.json](../nbprop/papers/results.json); {passed} of {many} cards pass.

| Card | Published | Ours | Passed |
|:--|:--|:--|:--|
"""


def page() -> str:
    """The text of docs/papers.md."""
    rows = nb.papers.cards.rows()
    passed = sum(row[-1] == "yes" for row in rows)
    example = nb.papers.cards["rumelhart-1986-xor"].run(seeds=2)
    text = HEAD.format(example=example, passed=passed, many=len(rows))
    for key, _, published, ours, yes in rows:
        text += f"| [{key}](#{key}) | {_cell(published)} | {_cell(ours)} | {yes.partition(':')[0]} |\n"
    return text + "".join(section(card) for card in nb.papers.cards.values())


def section(card) -> str:
    """What the page says of a card."""
    lines = [f"\n## {card.key}\n", f"{card.claim}\n", f"{card.paper}; {card.section}.\n"]
    lines += ["| Setting | There | Here |", "|:--|:--|:--|"]
    lines += [
        f"| {_cell(words)} | {_cell(there)} | {_cell(here) or 'the same'} |" for words, there, here in card.rows()
    ]
    lines += ["", f"- Criterion: {card.criterion}", f"- Published: {card.published}."]
    made = card.kept
    if made is None:
        return "\n".join([*lines, "- Not made yet.", ""])
    verdict, many = made.verdict, len(made.seeds)
    lines.append(f"- Ours, {many} seed{'s' * (many != 1)}, {made.seconds:.0f} s: {verdict.ours}.")
    why = f" {verdict.why[0].upper()}{verdict.why[1:]}." if verdict.why else ""
    lines.append(f"- **{'Passed' if verdict.passed else 'Not passed'}.**{why}")
    lines.append(f"- The figure that two runs are compared by: {verdict.figure:.3g}, to {card.tolerance:g}.")
    return "\n".join([*lines, ""])


def _cell(text):
    return text.replace("|", "\\|")


def main(keys):
    for key in nb.papers.cards if keys == ["all"] else keys:
        made = nb.papers.cards[key].run()
        kept.write(made)
        print(made, f"({made.seconds:.0f} s)", flush=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
