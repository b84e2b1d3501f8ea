const root = document.documentElement, all = s => [...document.querySelectorAll(s)];
const audios = all("audio"), images = all("img");

// What has arrived, for those who make a picture of the page.
function ready() {
  const heard = audios.filter(a => a.readyState >= 1 && a.duration > 0).length;
  const seen = images.filter(i => i.complete && i.naturalWidth > 0).length;
  root.dataset.audio = heard + "/" + audios.length;
  root.dataset.images = seen + "/" + images.length;
  root.dataset.ready = heard == audios.length && seen == images.length ? "yes" : "no";
}
audios.forEach(a => a.addEventListener("loadedmetadata", ready));
images.forEach(i => i.addEventListener("load", ready));
window.addEventListener("load", ready);
ready();

// The boxes of a legend show and hide lines.
function show(box) {
  all(".charts [data-row]").filter(line => line.dataset.row === box.value)
    .forEach(line => line.classList.toggle("off", !box.checked));
}
all(".legend input").forEach(box => {
  box.addEventListener("change", () => show(box));
  show(box);
});

// A hint stands above a table that is wider than the screen.
function hints() {
  all(".scroll").forEach(box => {
    const hint = box.previousElementSibling;
    if (hint && hint.matches(".hint")) hint.hidden = box.scrollWidth <= box.clientWidth + 1;
  });
}
window.addEventListener("resize", hints);
hints();
