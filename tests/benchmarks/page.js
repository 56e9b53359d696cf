// Put into every page before its own scripts: notes what is painted, moved and received.
// All times are milliseconds since 1970, so that they can be compared with the kernel's.
window.bench = { paints: [], moves: [], bytes: 0, messages: 0 };

window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      bench.messages += 1;
      bench.bytes += data.byteLength ?? data.length;
    });
  }
};

// When the key went down, not when the page came to it.
addEventListener("keydown", (event) => bench.moves.push(Date.now() - (performance.now() - event.timeStamp)), true);

bench.watch = (selector) => {
  const picture = document.querySelector(selector);
  const note = (seq, step, age) => bench.paints.push([Date.now(), seq, step, age].map(Number));
  if (picture.tagName === "IMG") {
    // Loaded is not painted: that is at the next refresh.
    picture.addEventListener("load", () => {
      const [seq, step, time] = picture.getAttribute("width").split(" ");
      requestAnimationFrame(() => note(seq, step, Date.now() - time));
    });
  } else {
    const { dataset } = picture;
    const observer = new MutationObserver(() => note(dataset.seq, dataset.step, dataset.age));
    observer.observe(picture, { attributeFilter: ["data-painted"] });
  }
};

bench.take = () => {
  const taken = { paints: bench.paints.splice(0), moves: bench.moves.splice(0), bytes: bench.bytes, messages: bench.messages };
  bench.bytes = bench.messages = 0;
  return taken;
};
