// Makes the frames of boards as high as what is in them.
addEventListener("message", ({ data, source }) => {
  if (!Number.isFinite(data?.nbprop)) return;
  for (const frame of document.querySelectorAll("iframe.nbprop-page")) {
    if (frame.contentWindow === source) frame.style.height = `${Math.min(data.nbprop, 4000)}px`;
  }
});
