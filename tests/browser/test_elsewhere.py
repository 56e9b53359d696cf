"""What pages other than JupyterLab do otherwise, emulated: bytes come in another form or not at all, no text may become
code, colours have other names, an output is a frame from another address. See docs/frontends.md."""

import time

import pytest
from test_board_alone import Bare

OUTER, INNER = "https://notebook.test/", "https://output.test/"
EVAL = """<script nonce=page>
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
window.evals = () => { try { return (0, eval)("true"); } catch { return false; } };
setTimeout(() => (window.evaluated = evals()));
</script>"""
# A script may come from the page itself or from a blob; nothing may be fetched, nothing evaluated.
POLICY = (
    "default-src 'none'; script-src 'nonce-page' blob:; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'none'"
)
# As VS Code gives them to its pages, in Dark Modern and Light Modern.
VSCODE = {
    "dark": {
        "editor-background": "#1f1f1f", "editor-foreground": "#cccccc", "descriptionForeground": "#9d9d9d",
        "panel-border": "#2b2b2b", "focusBorder": "#0078d4", "font-family": "Ubuntu, sans-serif",
    },
    "light": {
        "editor-background": "#ffffff", "editor-foreground": "#3b3b3b", "descriptionForeground": "#3b3b3b",
        "panel-border": "#e5e5e5", "focusBorder": "#005fb8", "font-family": "Ubuntu, sans-serif",
    },
}  # fmt: skip


class Page(Bare):
    """A page of another kind: `html` around the place of the board, at an address, with a policy."""

    html, policy = "<!doctype html>{head}<body>{place}", None

    def lay(self, style):
        place = "<div id=el style='width: 640px'></div>"
        body = self.html.format(head=f"<style>{style}\n{self.board._css}</style>", place=place)
        headers = {"Content-Security-Policy": self.policy} if self.policy else {}
        self.page.route(INNER, lambda route: route.fulfill(body=body, content_type="text/html", headers=headers))
        self.page.goto(INNER)

    def live(self):
        """It goes on for a few steps: is every picture another one then?"""
        pictures, end = [], time.monotonic() + 20
        for _ in range(3):
            while not self.wire:
                assert time.monotonic() < end, "no frame leaves"
                self.collect()
                self.board.refresh()
            self.deliver()
            self.settle()
            pictures.append(self.picture("loss"))
            self.advance()
        return len({*pictures}) == 3


@pytest.fixture
def page_of(page):
    made = []

    def make(**how):
        made.append(Page(page))
        for name, value in how.items():
            setattr(made[-1], name, value)
        return made[-1]

    yield make
    for bare in made:
        bare.board.close()
        assert bare.errors == []


# ------------------------------------------------------------------------------------------------------------ the bytes


@pytest.mark.parametrize(
    "form",
    [
        "view",
        "view.buffer.slice(view.byteOffset)",
        "new Uint8Array(view.buffer, view.byteOffset)",
        "new Uint8ClampedArray(view.buffer, view.byteOffset)",
        "document.body.appendChild(document.createElement('iframe')).contentWindow.Uint8Array.from("
        "new Uint8Array(view.buffer, view.byteOffset)).buffer",
    ],
    ids=["DataView", "ArrayBuffer", "Uint8Array", "other array", "ArrayBuffer of another window"],
)
def test_numbers_arrive_in_whatever_form_a_page_hands_them_on(page_of, form):
    bare = page_of().open()
    bare.page.evaluate(
        f"() => {{ const whole = window.bytes; window.bytes = (...given) => {{ const view = whole(...given); "
        f"return {form}; }}; }}"
    )
    assert bare.live()
    assert bare.colors("loss") > 3


def test_a_state_without_its_bytes_waits_for_the_kernel(page_of):
    """Colab's pages keep the words of a state and lose its bytes."""
    bare = page_of()
    bare.board._keep([])
    assert bare.board.snapshot["data"]
    bare.board.snapshot = {"head": bare.board.snapshot["head"]}
    bare.open()
    assert bare.live() and bare.colors("loss") > 3


def test_a_page_that_hands_on_no_numbers_is_told_of_it(page_of):
    bare = page_of().open()
    bare.collect()
    heads = [head for head, _ in bare.wire]
    bare.page.evaluate("(heads) => { for (const head of heads) for (const f of handlers) f(head, undefined); }", heads)
    status = bare.page.locator(".nbprop-status")
    status.wait_for()
    assert status.inner_text().startswith("Nothing can be drawn: this page does not hand on the numbers")


# ----------------------------------------------------------------------------------------------------------- the policy


def test_no_text_becomes_code_and_nothing_is_fetched(page_of):
    """The rules that a careful page makes: what evaluates text fails there, and the board lives."""
    html = f"<!doctype html>{EVAL.replace('{', '{{').replace('}', '}}')}{{head}}<body>{{place}}"
    bare = page_of(policy=POLICY, html=html)
    asked = []
    bare.page.on("request", lambda request: asked.append(request.url))
    bare.open()
    assert bare.live() and bare.colors("loss") > 3
    assert bare.page.evaluate("window.evaluated") is False  # the rules hold, or this would prove nothing
    assert set(bare.page.evaluate("violations")) == {"script-src"} and bare.page.evaluate("violations.length") == 1
    assert {url.split(":")[0] for url in asked if url != INNER} <= {"blob", "data"}


def test_it_needs_nothing_that_only_jupyterlab_has(page_of):
    bare = page_of().open()
    names = ["jupyterapp", "_JUPYTERLAB", "Jupyter", "IPython", "require", "define", "google", "acquireVsCodeApi"]
    assert bare.page.evaluate("(names) => names.filter((name) => name in window)", names) == []
    assert bare.live()


# ---------------------------------------------------------------------------------------------------------- the colours


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", VSCODE)
def test_vs_code_has_its_colours_whatever_the_system_has(page_of, theme, scheme):
    colors = "; ".join(f"--vscode-{name}: {value}" for name, value in VSCODE[theme].items())
    kind = f"vscode-{theme}"
    html = (
        f'<!doctype html><html style="{colors}">{{head}}<body class="{kind}" data-vscode-theme-kind="{kind}">{{place}}'
    )
    bare = page_of(html=html)
    bare.page.emulate_media(color_scheme=scheme)
    bare.open()
    assert bare.live()
    assert bare.pixel() == rgb(VSCODE[theme]["editor-background"])
    root = bare.page.locator(".nbprop-board")
    style = root.evaluate(
        "(root) => { const s = getComputedStyle(root); return [s.color, s.fontFamily, s.colorScheme]; }"
    )
    assert style == ["rgb({}, {}, {})".format(*rgb(VSCODE[theme]["editor-foreground"])), "Ubuntu, sans-serif", theme]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("how", "ground"),
    [
        ("theme=dark", [17, 20, 24]),  # Colab
        ('style="color-scheme: dark"', [17, 20, 24]),  # marimo
        ('style="color-scheme: light"', [255, 255, 255]),
    ],
)
def test_a_page_that_says_that_it_is_dark_is_believed(page_of, how, ground, scheme):
    bare = page_of(html=f"<!doctype html><html {how}>{{head}}<body>{{place}}")
    bare.page.emulate_media(color_scheme=scheme)
    bare.open()
    assert bare.live()
    assert bare.pixel() == ground


def test_a_page_that_changes_its_mind_is_followed(page_of):
    bare = page_of()
    bare.page.emulate_media(color_scheme="light")
    bare.open()
    assert bare.live() and bare.pixel() == [255, 255, 255]
    for theme, ground in (("dark", [17, 20, 24]), ("light", [255, 255, 255])):
        bare.page.evaluate("(theme) => document.documentElement.setAttribute('theme', theme)", theme)
        bare.settle()
        assert bare.pixel() == ground


# ----------------------------------------------------------------------------------------- a frame from another address


class Framed(Page):
    """As Colab shows an output: a frame from another address, as high as what is in it, on a page that scrolls."""

    outer = """<!doctype html><body style="margin: 0"><div style="height: {above}px">cells above</div>
    <iframe src="{src}" sandbox="allow-scripts allow-same-origin" style="width: 100%; height: 20px; border: 0"></iframe>
    <div style="height: 3000px">cells below</div>
    <script>
      window.heights = [];
      addEventListener("message", ({{ data }}) => {{
        heights.push(data.height);
        document.querySelector("iframe").style.height = data.height + "px";
      }});
    </script>"""
    inner = """<!doctype html><html>{head}<body style="margin: 0">{place}<script>
      new ResizeObserver(() => parent.postMessage({{ height: document.documentElement.offsetHeight }}, "*"))
        .observe(document.documentElement);
    </script>"""

    def __init__(self, page, above=40):
        super().__init__(page)
        self.whole, self.above = page, above

    def lay(self, style):
        place = "<div id=el></div>"
        body = self.inner.format(head=f"<style>{style}\n{self.board._css}</style>", place=place)
        self.whole.route(INNER, lambda route: route.fulfill(body=body, content_type="text/html"))
        outer = self.outer.format(above=self.above, src=INNER)
        self.whole.route(OUTER, lambda route: route.fulfill(body=outer, content_type="text/html"))
        self.whole.goto(OUTER)
        self.page = self.whole.frame(url=INNER)  # what follows happens in the frame

    def rest(self):
        self.whole.wait_for_timeout(150)


@pytest.fixture
def framed(page):
    made = []
    yield lambda **options: made.append(Framed(page, **options)) or made[-1]
    for each in made:
        each.board.close()
        assert each.errors == []


def test_in_a_frame_that_is_as_high_as_its_content_it_lives_and_stays_as_high(framed):
    bare = framed().open()
    assert bare.live() and bare.colors("loss") > 3
    bare.rest()
    heights = bare.whole.evaluate("heights")
    board = bare.page.locator(".nbprop-board").bounding_box()["height"]
    bare.rest()
    assert bare.whole.evaluate("heights") == heights and len(heights) < 12  # it has come to rest
    assert board <= heights[-1] < board + 40
    assert bare.whole.evaluate("document.querySelector('iframe').scrollHeight") <= heights[-1]


def test_in_a_frame_that_is_scrolled_away_nothing_is_asked_for(framed):
    bare = framed(above=4000).open()
    bare.rest()
    assert [message["panels"] for message in bare.collect() if "panels" in message][-1] == []
    bare.whole.evaluate("scrollTo(0, 4000)")
    bare.rest()
    assert [message["panels"] for message in bare.collect() if "panels" in message][-1] == [0, 1]
    bare.whole.evaluate("scrollTo(0, 0)")
    bare.rest()
    assert [message["panels"] for message in bare.collect() if "panels" in message][-1] == []


# -------------------------------------------------------------------------------------------------------- a shadow tree


def test_in_a_shadow_tree_it_has_its_style_and_its_keys(page_of):
    """marimo puts a widget into one, with its style sheet."""
    bare = page_of()
    bare.lay("")
    css = bare.board._css
    bare.page.evaluate(
        """(css) => {
            document.querySelector("style").remove();
            const host = document.getElementById("el");
            host.removeAttribute("id");
            const shadow = host.attachShadow({ mode: "open" });
            const style = shadow.appendChild(document.createElement("style"));
            style.textContent = css;
            const el = shadow.appendChild(document.createElement("div"));
            const find = document.getElementById.bind(document);
            document.getElementById = (id) => (id === "el" ? el : find(id));
            const query = document.querySelector.bind(document);
            document.querySelector = (what) => shadow.querySelector(what) ?? query(what);
        }""",
        css,
    )
    bare.lay = lambda style: None
    bare.open()
    assert bare.live() and bare.colors("loss") > 3
    assert bare.page.locator(".nbprop-grid").evaluate("(grid) => getComputedStyle(grid).display") == "grid"
