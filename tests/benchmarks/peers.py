"""The other contenders of the engine benchmark: the same steps in the libraries that people use.

Each is a class with `step()`, which returns the loss as a Python number. A library that is not installed raises
ImportError when its class is made.
"""

import arrays
import numpy as np


class Torch:
    """PyTorch as everybody writes it: eager mode, torch.optim."""

    def __init__(self, workload):
        import modules_torch
        import torch

        torch.set_num_threads(1)
        self.torch, self.norms = torch, workload.norms
        self.model = modules_torch.MODELS[workload.settings["kind"]](**workload.settings)
        self.parameters = list(self.model.parameters())
        with torch.no_grad():
            for parameter, value in zip(self.parameters, workload.split(workload.theta).values(), strict=True):
                parameter.copy_(torch.from_numpy(value))
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[workload.optimizer]
        self.optimizer = kind(self.parameters, lr=workload.lr)
        self.x, self.y = torch.from_numpy(workload.x), torch.from_numpy(workload.y)
        self.loss = modules_torch.loss(workload.settings.get("loss"))

    def step(self):
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.x), self.y)
        loss.backward()
        if self.norms:
            self.found = self.torch.stack(self.torch._foreach_norm([p.grad for p in self.parameters])).tolist()
        self.optimizer.step()
        return loss.item()


class Jax:
    """One function for the whole step, compiled by XLA with jax.jit."""

    def __init__(self, workload):
        import jax
        import jax.numpy as jnp

        model = arrays.MODELS[workload.settings["kind"]]
        lr, norms = workload.lr, workload.norms
        x, y = jnp.asarray(workload.x), jnp.asarray(workload.y)

        def loss(p):
            return model(jnp, p, x, y, **workload.settings)

        def step(p, m, v, t):
            value, g = jax.value_and_grad(loss)(p)
            sizes = [jnp.sqrt(jnp.sum(d * d)) for d in g.values()] if norms else None
            if workload.optimizer == "adam":
                m = {k: 0.9 * m[k] + 0.1 * g[k] for k in p}
                v = {k: 0.999 * v[k] + 0.001 * g[k] ** 2 for k in p}
                c, r = 1 - 0.9**t, jnp.sqrt(1 - 0.999**t)
                p = {k: p[k] - lr / c * m[k] / (jnp.sqrt(v[k]) / r + 1e-8) for k in p}
            else:
                p = {k: p[k] - lr * g[k] for k in p}
            return p, m, v, t + 1, value, jnp.stack(sizes) if norms else None

        self.jitted, self.norms = jax.jit(step, donate_argnums=(0, 1, 2, 3)), norms
        zeros = (
            {k: jnp.zeros(s, jnp.float32) for k, s in workload.shapes.items()} if workload.optimizer == "adam" else {}
        )
        p = {k: jnp.array(a) for k, a in workload.split(workload.theta).items()}
        self.state = p, zeros, {k: a.copy() for k, a in zeros.items()}, jnp.ones((), jnp.float32)

    def step(self):
        *self.state, loss, norms = self.jitted(*self.state)
        if self.norms:
            self.found = np.asarray(norms)
        return float(loss)


class Autograd:
    """HIPS autograd: NumPy functions, traced and differentiated anew at every step."""

    def __init__(self, workload):
        import autograd
        import autograd.numpy as anp

        self.workload, self.t = workload, 0
        self.p = {k: a.copy() for k, a in workload.split(workload.theta).items()}
        self.m, self.v = ({k: np.zeros_like(a) for k, a in self.p.items()} for _ in range(2))
        model = arrays.MODELS[workload.settings["kind"]]
        self.gradient = autograd.value_and_grad(lambda p: model(anp, p, workload.x, workload.y, **workload.settings))

    def step(self):
        self.t += 1
        lr, adam = self.workload.lr, self.workload.optimizer == "adam"
        loss, gradients = self.gradient(self.p)
        c, r = 1 - 0.9**self.t, np.sqrt(1 - 0.999**self.t)
        for k, g in gradients.items():
            if adam:
                self.m[k] += 0.1 * (g - self.m[k])
                self.v[k] += 0.001 * (g * g - self.v[k])
                self.p[k] -= lr / c * self.m[k] / (np.sqrt(self.v[k]) / r + 1e-8)
            else:
                self.p[k] -= lr * g
        if self.workload.norms:
            self.found = [np.sqrt(np.sum(g * g)) for g in gradients.values()]
        return float(loss)


class Micrograd:
    """micrograd: one Python object for every number. Plain SGD; tanh and the loss are added in its own manner."""

    def __init__(self, workload):
        from micrograd.engine import Value

        def function(x, y, slope, name):
            out = Value(y, (x,), name)

            def backward():
                x.grad += slope * out.grad

            out._backward = backward
            return out

        def tanh(z):
            t = np.tanh(z.data).item()
            return function(z, t, 1 - t * t, "tanh")

        def log1pexp(u):
            value = np.logaddexp(0, u.data).item()
            return function(u, value, np.exp(u.data - value).item(), "log1pexp")

        self.tanh, self.log1pexp = tanh, log1pexp
        self.lr, self.layers = workload.lr, []
        p = list(workload.split(workload.theta).values())
        for W, b in zip(p[::2], p[1::2], strict=True):
            self.layers.append(
                [([Value(w) for w in row.tolist()], Value(c)) for row, c in zip(W, b.tolist(), strict=True)]
            )
        self.parameters = [value for layer in self.layers for row, c in layer for value in (*row, c)]
        self.x, self.y = workload.x.tolist(), workload.y.ravel().tolist()

    def step(self):
        for value in self.parameters:
            value.grad = 0
        losses = []
        for x, y in zip(self.x, self.y, strict=True):
            for i, layer in enumerate(self.layers):
                x = [self.tanh(z) for z in x] if i else x
                x = [sum((w * a for w, a in zip(row, x, strict=True)), c) for row, c in layer]
            losses.append(self.log1pexp(x[0] * (1 - 2 * y)))
        loss = sum(losses) * (1 / len(losses))
        loss.backward()
        for value in self.parameters:
            value.data -= self.lr * value.grad
        return loss.data
