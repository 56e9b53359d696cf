"""Pieces of the programs for PyTorch: what such a program holds only if its run needs it."""

BATCHES = '''
class Batches:
    """Indices of one batch after the other: each epoch visits every sample once, in a new random order. The batch size
    may change at any time: the rest of the epoch goes on."""

    def __init__(self, samples, seed):
        self.samples, self.position = samples, 0
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(samples)

    def next(self, size{drop}):
        if {over}:
            self.order, self.position = self.rng.permutation(self.samples), 0
        batch = self.order[self.position : self.position + size]
        self.position += len(batch)
        return batch
'''
OVER = "self.position >= self.samples"
OVER_OR_DROPPED = "self.position >= self.samples or (drop_last and 0 < self.position > self.samples - size)"

INITS = {  # name -> (standard deviation, whether it is uniform)
    "normal": ("{std}", False),
    "standard": ("1 / math.sqrt(3 * fan_in)", True),
    "lecun": ("{gain} / math.sqrt(fan_in)", False),
    "xavier": ("{gain} * math.sqrt(2 / (fan_in + fan_out))", True),
    "he": ("math.sqrt(2 / ((1 + {slope} * {slope}) * {mode}))", False),
}
UNIFORM = "rng.uniform(-math.sqrt(3) * std, math.sqrt(3) * std, (fan_out, fan_in))"
NORMAL = "rng.normal(0, std, (fan_out, fan_in))"
ORTHOGONAL = """\
    q, r = np.linalg.qr(rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out))))
    q *= np.where(np.diag(r) < 0, -{gain}, {gain})
    return q if fan_out >= fan_in else q.T"""

LINEAR = '''
def linear(rng, fan_in, fan_out, draw={draw}):
    """A layer with weights as nbprop draws them: PyTorch's own begin differently. The bias is 0."""
    layer = nn.Linear(fan_in, fan_out)
    layer.weight.data = torch.tensor(draw(rng, fan_in, fan_out), dtype=layer.weight.dtype)
    nn.init.zeros_(layer.bias)
    return layer
'''

CARRY = '''
def carry(model, heirs):
    """Let the optimizer train the parameters of this model. What it remembers of a parameter goes with it, or with its
    heir, as far as there is room; it is 0 for what is new, and the updates are counted for all together."""
    old = {parameter: state for parameter, state in optimizer.state.items() if state}
    names = {name for state in old.values() for name in state}
    steps = max((float(state["step"]) for state in old.values() if "step" in state), default=0.0)
    optimizer.param_groups[0]["params"] = list(model.parameters())
    optimizer.state.clear()
    for parameter in model.parameters():
        before = old.get(heirs.get(parameter, parameter), {})
        for name in names - {"step"}:
            optimizer.state[parameter][name] = torch.zeros_like(parameter)
            if name in before:
                copy_common(before[name], optimizer.state[parameter][name])
        if "step" in names:
            optimizer.state[parameter]["step"] = torch.tensor(steps)


def copy_common(old, new):
    """Copy what two tensors have in common, from the first corner on."""
    common = tuple(slice(min(pair)) for pair in zip(old.shape, new.shape))
    new[common] = old[common]
'''

REBUILD = '''
def rebuild(kept, sizes, step, draw, behind=None, identity=None{parameter}):
    """The model with other hidden layers. kept: for each the number of the one that it goes on from, None for a new
    one, with `behind(units)` behind it. A new layer says what it hears, as nearly as its activation f allows:
    f(c x + b) is closest to x, with (c, b) = identity. Units that are new have no say yet.{doc}"""
    starts = [i for i, module in enumerate(model) if isinstance(module, nn.Linear)]
    blocks, output = [list(model[a:b]) for a, b in pairwise(starts)], model[-1]
{before}    rng = np.random.default_rng([{seed}, step])
    units = [model[starts[0]].in_features, *sizes, output.out_features]
    new = [linear(rng, fan_in, fan_out, draw) for fan_in, fan_out in pairwise(units)]
    modules, heirs = list(model[: starts[0]]), {{}}
    for i, layer in zip(kept, new):
        if i is None:
            c, b = identity if len(modules) > starts[0] else (1.0, 0.0)
            same = min(layer.weight.shape)
            layer.weight.data[:same] = 0
            layer.weight.data[range(same), range(same)] = c
            layer.bias.data[:same] = b
            modules += [layer, *behind(layer.out_features)]
        else:
            modules.append(sized(blocks[i][0], layer, heirs))
            for module in blocks[i][1:]:
                is_norm = isinstance(module, nn.BatchNorm1d)
                modules.append(sized(module, nn.BatchNorm1d(layer.out_features), heirs) if is_norm else module)
    made = nn.Sequential(*modules, sized(output, new[-1], heirs))
    carry(made, heirs)
{after}    return made


def sized(old, new, heirs):
    """The old layer if it has the size of the new one, else the new one with what there is room for."""
    if old.weight.shape == new.weight.shape:
        return old
    if old.weight.ndim > 1:
        new.weight.data[: len(old.weight), old.weight.shape[1] :] = 0
    for name, numbers in old.state_dict().items():
        copy_common(numbers, new.state_dict()[name])
    for before, parameter in zip(old.parameters(), new.parameters()):
        heirs[parameter] = before
        parameter.requires_grad = before.requires_grad
    return new
'''

FITTED = {  # pieces of REBUILD where a layer is to say what it said
    "parameter": ", fitted=None",
    "doc": "\n    The layer of number `fitted` is then to say what it said.",
    "before": """\
    if fitted is not None:
        said = hear_and_say(model, [*(None if i is None else blocks[i][0] for i in kept), output][fitted])[1]
""",
    "after": """\
    if fitted is not None:
        fit(made, [module for module in made if isinstance(module, nn.Linear)][fitted], said)
""",
}

SAMPLES = '''
def hear_and_say(model, layer):
    """What a layer hears and says for up to 256 training samples, in evaluation mode."""
    model.eval()
    x = X[data.sample(256).copy()]
    with torch.no_grad():
        for module in model:
            heard, x = x, module(x)
            if module is layer:
                break
    model.train()
    return heard, x
'''

FIT = '''
def fit(model, layer, said):
    """Let a layer come near to what it said, for what it now hears: by least squares from what it is, with a little
    ridge, 0.01 of the largest singular value."""
    heard = hear_and_say(model, layer)[0].double().numpy()
    design = np.column_stack([heard, np.ones(len(heard))])
    now = np.vstack([layer.weight.detach().numpy().T, layer.bias.detach().numpy()]).astype(np.float64)
    u, s, v = np.linalg.svd(design, full_matrices=False)
    kept = s / (s**2 + (0.01 * s.max()) ** 2 + 1e-30)
    now += v.T @ (kept[:, None] * (u.T @ (said.numpy() - design @ now)))
    layer.weight.data[:], layer.bias.data[:] = torch.tensor(now[:-1].T), torch.tensor(now[-1])
'''

NORM_ON = '''
def with_batch_norm():
    """The model with a batch normalization behind each hidden layer, which begins as the identity in evaluation mode:
    its mean and variance are those of training samples, its scale and shift undo them."""
    modules = []
    for module in model:
        modules.append(module)
        if isinstance(module, nn.Linear) and module is not model[-1]:
            said, norm = hear_and_say(model, module)[1].double(), nn.BatchNorm1d(module.out_features)
            norm.running_mean[:], norm.running_var[:] = said.mean(0), said.var(0, unbiased=False)
            norm.weight.data[:] = torch.sqrt(norm.running_var + norm.eps)
            norm.bias.data[:] = norm.running_mean
            modules.append(norm)
    made = nn.Sequential(*modules)
    carry(made, {})
    return made
'''

NORM_OFF = '''
def without_batch_norm():
    """The model without batch normalizations: each is folded into the layer before it, which then says the same."""
    modules = []
    for module in model:
        if isinstance(module, nn.BatchNorm1d):
            factor, layer = module.weight.data / torch.sqrt(module.running_var + module.eps), modules[-1]
            layer.weight.data *= factor[:, None]
            layer.bias.data[:] = (layer.bias.data - module.running_mean) * factor + module.bias.data
        else:
            modules.append(module)
    made = nn.Sequential(*modules)
    carry(made, {})
    return made
'''

ONE_BATCH = """\
        batch = batches.next({batch})
        loss = loss_of(model(X[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
"""
SEVERAL_BATCHES = """\
        optimizer.zero_grad()
        loss = 0.0
        for _ in range(accumulate):
            batch = batches.next({batch})
            one = loss_of(model(X[batch]), y[batch]) / accumulate
            one.backward()
            loss += one.detach()
"""
TRAINED = "        trained = [parameter for parameter in model.parameters() if parameter.grad is not None]\n"
L1 = """\
        for parameter in trained:
            parameter.grad += l1 * parameter.detach().sign()
"""
CLIP_VALUE = """\
        {check}for parameter in trained:
            parameter.grad.clamp_(-clip_value, clip_value)
"""
CLIP = """\
        norm = torch.sqrt(sum((parameter.grad**2).sum() for parameter in trained))
        if {check}norm > clip:  # nn.utils.clip_grad_norm_ would add 1e-6 to the norm
            for parameter in trained:
                parameter.grad *= clip / norm
"""
SCHEDULE = '        optimizer.param_groups[0]["lr"] = lr * schedule(len(losses) - began)\n'

RESTARTS = """\
    length = {T_0}
    while t >= length:
        t, length = t - length, length * {T_mult}
    return {eta_min} + (1 - {eta_min}) / 2 * (1 + math.cos(math.pi * t / length))"""
SCHEDULES = {  # class -> what it gives at update t
    "StepLR": "{gamma} ** (t // {step_size})",
    "MultiStepLR": "{gamma} ** sum(t >= each for each in {milestones})",
    "ExponentialLR": "{gamma}**t",
    "PolynomialLR": "(1 - min(t / {total_iters}, 1)) ** {power}",
    "CosineAnnealingLR": "{eta_min} + (1 - {eta_min}) / 2 * (1 + math.cos(math.pi * min(t / {T_max}, 1)))",
    "LinearLR": "{start_factor} + (1 - {start_factor}) * min(t / {total_iters}, 1)",
}
ONE_CYCLE = """\
    low, lowest = 1 / {div_factor}, 1 / ({div_factor} * {final_div_factor})
    top = {pct_start} * {total_steps} - 1  # the update with the highest rate
    if t < top:
        return 1 + (low - 1) / 2 * (1 + math.cos(math.pi * t / top))
    return lowest + (1 - lowest) / 2 * (1 + math.cos(math.pi * min((t - top) / ({total_steps} - 1 - top), 1)))"""
