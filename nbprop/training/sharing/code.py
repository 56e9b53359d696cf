"""A run as a short text that can be mailed, and back: `nb1-` and then, as letters and digits, a checksum and the recipe
as compressed JSON.

Reading one makes nothing but numbers, names that are known, and nbprop's own optimizers, schedules, activations and
losses with checked settings; whatever is wrong with it is a ValueError.
"""

import base64
import binascii
import json
import zlib
from itertools import pairwise

from ..applying import MAX_DEPTH
from .forms import decoded, encoded, never, short
from .recipe import OBJECTIVE, Recipe
from .telling import recipe_of

BEGIN, VERSION = "nb", 1
LONGEST, LARGEST = 12_000, 200_000  # characters of a code, and of its JSON
NUMBERS = 2_000_000  # in a network
# What is in most codes, so that it need not be in them: a part of the version.
WORDS = (
    b'"frozen""init""he""float64""dtype""flatten":true,"model_seed":"samples":"speed":30.0,"speed":300.0,"controls":['
    b'"batch_size","depth","width","clip","l1","weight_decay","batch_norm":true,"optimizer":{"RMSprop""AdamW":{"SGD":{'
    b'"momentum":0.9,"nesterov":true,"digits",{"noise":0.0,"moons",{"circles",{"mse","cross_entropy","relu","optimizer"'
    b':{"Adam":{"lr":0.001}},"knobs":{"batch_size":64},"dropout":0.0,"activation":"tanh","seed":1,{"data":["spirals",'
    b'{"noise":0.1,"validation":0.25,"seed":0}],"loss":"bce","hidden":[8,8,8,8],"steps":100,"turns":[[100,"lr",0.01],['
    b'200,"dropout",0.1],[300,"hidden",[8,8,8,8,8]],[400,"activation","'
)


def code(trainer, controls=()) -> str:
    """The present run of a trainer as a short text, from which `from_code` makes it again, bit by bit: data (by their
    name), network, optimizer, seed, every knob that was turned, and how far it has come.

    controls: names of the knobs that a playground shows. Some 100 to 300 characters for a usual run, 12,000 at most.
    Raises ValueError that names what a code cannot hold: data, modules, losses, metrics and functions of one's own,
    changes made in code, a run from a file, too many turns.
    """
    told = recipe_of(trainer, controls)
    for each in [told.data, *(turn.value.get("data") for turn in told.turns if turn.name == OBJECTIVE)]:
        if each is not None and each.own is not None:
            raise ValueError(
                f"a code cannot hold data of your own ({each.name!r}), only data sets with a name: save the run with "
                "trainer.save(path), or write it down with trainer.script()"
            )
    if told.metrics:
        raise ValueError(f"a code cannot hold metrics of your own ({', '.join(told.metrics)})")
    text = json.dumps(encoded(told), separators=(",", ":"), allow_nan=False).encode()
    _check_size(told)
    packing = zlib.compressobj(9, wbits=-15, zdict=WORDS)
    packed = packing.compress(text) + packing.flush()
    packed = zlib.crc32(text).to_bytes(4, "big") + packed
    made = f"{BEGIN}{VERSION}-{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"
    if len(made) > LONGEST or len(text) > LARGEST:
        raise ValueError(
            f"a code cannot hold so many turns ({len(told.turns)} of knobs): save the run with trainer.save(path)"
        )
    return made


def from_code(text: str) -> Recipe:
    """The `Recipe` in a text that `code` made: what the run is made with. `recipe.trainer()` begins it,
    `recipe.repeat(trainer)` makes it again.

    Raises ValueError for what is cut, damaged, of another version, or asks for what there is not. It executes nothing
    and takes little time and memory, whoever has written it.
    """
    if not isinstance(text, str):
        raise ValueError(f"a code is a text such as 'nb1-...'; got {type(text).__name__}")
    try:
        told = decoded(_read("".join(text.split()) if len(text) <= 2 * LONGEST else text))
        _check_size(told)
        return told
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ArithmeticError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
        raise ValueError(f"this code cannot be read: {why or type(error).__name__}") from None


def _read(text):
    """What JSON holds."""
    head, dash, body = text.partition("-")
    if not dash or not head.startswith(BEGIN) or not head[len(BEGIN) :].isdecimal() or len(head) > 6:
        raise ValueError(f"a code of nbprop begins with '{BEGIN}{VERSION}-'; got {text[:12]!r}")
    if int(head[len(BEGIN) :]) != VERSION:
        raise ValueError(f"it is of version {head}, and this nbprop reads {BEGIN}{VERSION}; update it: pip install -U")
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj(wbits=-15, zdict=WORDS)
        found = unpacking.decompress(packed[4:], LARGEST)
    except (binascii.Error, zlib.error, ValueError):
        raise ValueError("it is damaged: a character is wrong, or some are missing") from None
    if unpacking.unconsumed_tail or (not unpacking.eof and len(found) >= LARGEST):
        raise ValueError(f"there is more in it than {LARGEST:,} characters")
    if not unpacking.eof or unpacking.unused_data or zlib.crc32(found).to_bytes(4, "big") != packed[:4]:
        raise ValueError("it is cut or damaged: its checksum is another one")
    return json.loads(found, parse_constant=lambda name: never(f"a number is {name}"))


def _check_size(told):
    """Of networks that no hand has asked for, before there is memory for them."""
    widths = list(told.hidden)
    for turn in [None, *told.turns]:
        if turn is not None and turn.name == "hidden":
            widths = list(turn.value)
        elif turn is not None and turn.name == "insert":
            at, units = turn.value
            widths.insert(at, units or max(widths, default=8))
        if len(widths) > MAX_DEPTH or sum(a * b for a, b in pairwise([64, *widths, 10])) > NUMBERS:
            raise ValueError(f"a network with hidden layers of {short(widths)} is too large for a code")
