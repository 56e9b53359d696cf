"""The benchmark's models as plain functions of arrays, for libraries that differentiate functions: `np` is
`jax.numpy` or `autograd.numpy`. p: name -> parameter. Where JAX has a function for the purpose, JAX uses it."""


def dense(np, p, x, y, sizes, activation, loss, **_):
    f = np.tanh if activation == "tanh" else lambda z: np.maximum(z, 0)
    for i in range(len(sizes) - 1):
        x = linear(np, p, f"{2 * i}", f(x) if i else x)
    return bce(np, x, y) if loss == "bce" else cross_entropy(np, x, y)


def cnn(np, p, x, y, **_):
    for name in ("0", "3"):
        x = convolution(np, x, p[f"{name}.weight"]) + p[f"{name}.bias"][:, None, None]
        x = np.maximum(pool(np, x), 0)
    x = x.reshape(len(x), -1)
    for name in ("7", "9", "11"):
        x = linear(np, p, name, x if name == "7" else np.maximum(x, 0))
    return cross_entropy(np, x, y)


def lstm(np, p, x, y, **_):
    def step(state, x):
        h, c = state
        z = np.dot(x, W) + np.dot(h, U) + b
        i, f, g, o = np.split(z, 4, axis=1)
        c = sigmoid(np, f) * c + sigmoid(np, i) * np.tanh(g)
        return (sigmoid(np, o) * np.tanh(c), c), None

    W, U, b = p["lstm.weight_ih"].T, p["lstm.weight_hh"].T, p["lstm.bias_ih"] + p["lstm.bias_hh"]
    state = (np.zeros((len(x), len(U)), x.dtype),) * 2
    xs = x.swapaxes(0, 1)
    if is_jax(np):
        import jax

        state, _ = jax.lax.scan(step, state, xs)
    else:
        for x_t in xs:
            state, _ = step(state, x_t)
    return cross_entropy(np, linear(np, p, "linear", state[0]), y)


def transformer(np, p, x, y, d, heads, blocks, **_):
    N, T = x.shape
    h = p["0.weight"][x] + p["1.weight"]
    mask = np.where(np.tri(T) > 0, np.array(0, h.dtype), np.array(-1e30, h.dtype))
    for i in range(2, 2 + blocks):
        n = norm(np, p, f"{i}.norm1", h)
        qkv = np.dot(n, p[f"{i}.self_attn.in_proj_weight"].T) + p[f"{i}.self_attn.in_proj_bias"]
        q, k, v = (part.reshape(N, T, heads, -1).swapaxes(1, 2) for part in np.split(qkv, 3, axis=2))
        s = np.matmul(q, k.swapaxes(2, 3)) * (d // heads) ** -0.5 + mask
        e = np.exp(s - np.max(s, axis=-1, keepdims=True))
        a = np.matmul(e / np.sum(e, axis=-1, keepdims=True), v)
        h = h + linear(np, p, f"{i}.self_attn.out_proj", a.swapaxes(1, 2).reshape(N, T, d))
        u = linear(np, p, f"{i}.linear1", norm(np, p, f"{i}.norm2", h))
        a = 0.5 * u * (1 + np.tanh(0.7978845608 * (u + 0.044715 * u * u * u)))
        h = h + linear(np, p, f"{i}.linear2", a)
    return cross_entropy(np, linear(np, p, "head", norm(np, p, f"{2 + blocks}.norm", h)), y)


MODELS = {"dense": dense, "cnn": cnn, "lstm": lstm, "transformer": transformer}


def is_jax(np):
    return np.__name__.startswith("jax")


def linear(np, p, name, x):
    return np.dot(x, p[f"{name}.weight"].T) + p[f"{name}.bias"]


def sigmoid(np, z):
    return 0.5 * (1 + np.tanh(0.5 * z))


def norm(np, p, name, x):
    d = x - np.mean(x, axis=-1, keepdims=True)
    return d / np.sqrt(np.mean(d * d, axis=-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def convolution(np, x, W):
    """(N, C, H, W) and (out, C, 5, 5) -> (N, out, H - 4, W - 4)."""
    if is_jax(np):
        import jax

        return jax.lax.conv_general_dilated(x, W, (1, 1), "VALID")
    h, w = x.shape[2] - 4, x.shape[3] - 4
    seen = np.stack([x[:, :, i : i + h, j : j + w] for i in range(5) for j in range(5)])
    y = np.tensordot(seen, W.reshape(*W.shape[:2], 25), axes=([0, 2], [2, 1]))
    return np.transpose(y, (0, 3, 1, 2))


def pool(np, x):
    """Largest of each 2 x 2."""
    if is_jax(np):
        import jax

        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return np.max(x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2), axis=(3, 5))


def bce(np, z, y):
    return np.mean(np.logaddexp(0, z * (1 - 2 * y)))


def cross_entropy(np, z, y):
    z = z - np.max(z, axis=-1, keepdims=True)
    z = z.reshape(-1, z.shape[-1])
    own = z[np.arange(len(z)), y.reshape(-1)]
    return np.mean(np.log(np.sum(np.exp(z), axis=-1)) - own)
